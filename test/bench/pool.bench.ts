import { setTimeout as pause } from 'node:timers/promises'
import type { Candidate } from './pool/candidates.ts'
import { candidates } from './pool/candidates.ts'
import { queueRows } from './pool/queue.ts'
import type { Budget, Row } from './row.ts'
import { median, row } from './row.ts'

export const about = `Jobs that do nothing, and jobs that keep a core busy for 1 ms, in pools of two threads.
With \`queued\`: what one job costs when 100,000 wait, compared with 1,000.`

const threads = 2
const rounds = 40

type Pair = { ours: number; theirs: number }
/** What is measured: a number for one candidate in one round. */
type Case = {
  name: string
  unit: string
  measure: (candidate: Candidate) => Promise<number>
  /** What ours has to be, compared with each of the others. */
  budget: (theirs: string) => Budget
}

const ahead = (theirs: string): Budget => ({ atLeast: theirs === 'piscina' ? 0.9 : 1 })
// Here the cores are measured more than the pools: none is ahead.
const level: Budget = { atLeast: 0.9 }
const cases: Case[] = [
  {
    name: 'no-op jobs, 64 in flight',
    unit: 'jobs/s',
    measure: (candidate) => throughput(candidate, 'noop', 1000, 64),
    budget: ahead,
  },
  {
    name: 'no-op jobs, one at a time',
    unit: 'jobs/s',
    measure: (candidate) => throughput(candidate, 'noop', 200, 1),
    budget: ahead,
  },
  {
    name: '1 ms jobs, 64 in flight',
    unit: 'jobs/s',
    measure: (candidate) => throughput(candidate, 'spin', 100, 64),
    budget: () => level,
  },
  {
    name: '1 ms jobs, one at a time',
    unit: 'jobs/s',
    measure: (candidate) => throughput(candidate, 'spin', 30, 1),
    budget: () => level,
  },
  {
    name: 'no-op job in an idle pool, p50',
    unit: 'ms',
    measure: idleLatency,
    budget: () => ({ atMost: 1.3 }),
  },
]

/** The WorkerPool against other pools with as many threads, and its queue when it is long. */
export async function bench(): Promise<Row[]> {
  const all = await candidates(threads)
  for (const candidate of all) {
    await throughput(candidate, 'noop', 3000, 64)
    await throughput(candidate, 'spin', 50, 1)
  }
  const rows: Row[] = []
  for (const one of cases) rows.push(...(await compare(one, all)))
  for (const candidate of all) await candidate.close()
  return [...rows, ...(await queueRows(threads))]
}

/** Every candidate in every round, in an order that turns, so that noise hits all alike. */
async function compare({ name, unit, measure, budget }: Case, all: Candidate[]): Promise<Row[]> {
  const pairs = new Map<string, Pair[]>()
  for (let round = 0; round < rounds; round += 1) {
    const found = new Map<string, number>()
    for (let nth = 0; nth < all.length; nth += 1) {
      const candidate = all[(nth + round) % all.length]!
      found.set(candidate.name, await measure(candidate))
    }
    const ours = found.get('squadd')!
    found.delete('squadd')
    for (const [theirs, figure] of found)
      pairs.set(theirs, [...(pairs.get(theirs) ?? []), { ours, theirs: figure }])
  }
  return [...pairs].map(([theirs, some]) => row(`${name} : ${theirs}`, unit, some, budget(theirs)))
}

/** Jobs in a second, with so many under way at any time. */
async function throughput(
  { run }: Candidate,
  job: 'noop' | 'spin',
  count: number,
  inFlight: number,
): Promise<number> {
  let left = count
  const start = performance.now()
  const worker = async () => {
    while (left-- > 0) await run(job, job === 'spin' ? 1 : undefined)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return (count / (performance.now() - start)) * 1000
}

/** From giving a job to having its result, after a pause each time. */
async function idleLatency({ run }: Candidate): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 9; n += 1) {
    await pause(3)
    const start = performance.now()
    await run('noop')
    times.push(performance.now() - start)
  }
  return median(times)
}
