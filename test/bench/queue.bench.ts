import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bullmq } from './queue/bullmq.ts'
import type { QueueCandidate } from './queue/candidate.ts'
import { ours } from './queue/ours.ts'
import { pgBoss } from './queue/pg-boss.ts'
import { plainjob } from './queue/plainjob.ts'
import type { Budget, Row } from './row.ts'
import { row } from './row.ts'
import { scratch } from './scratch.ts'
import { sizes } from './sizes.ts'

export const about = `A job is a prompt of 1 KB. Every queue holds 100,000 others while it is measured; all
are measured by turns, on the same disk, with 1 caller and with 64 at once. \`end to end\` is one job enqueued
and one that waits claimed and completed, again and again, the way each queue's own workers do it: squadd
claims in the commit that stores what was submitted, once for all agents that are free then, BullMQ has the
next job from the answer to the completion of the last, the others do one thing after the other.

squadd, BullMQ (Redis 7, \`appendfsync always\`) and pg-boss (PostgreSQL, \`synchronous_commit = on\`) acknowledge
only what is on the disk. plainjob comes with \`synchronous = normal\`: a power loss may take its last jobs, so
it stands here twice, as it comes and made durable. squadd writes more for each job than any of them: besides
the job its attempt, its result and three numbered events.

What limits it: with one caller every job waits for two syncs of the disk, in Redis as in SQLite, and little else
counts. With 64 callers they share a sync, and squadd's store takes about 150 us of one core for a job (\`--cpu-prof\`
over 16,000 passes): 48 % in \`commit\` (some 2.5 pages of write-ahead log a job, the sync, the checkpoint), 22 % in
the other 20 SQL statements, 5 % in garbage collection, the rest in JavaScript. BullMQ has two processes for it,
on two cores, and keeps no history of events. The budget of 3 was set on a disk whose sync took 4 ms; where it
takes less than 1, CPU decides, and it is not met.`

const { backlog, rounds, single, many } = sizes(
  { backlog: 100_000, rounds: 9, single: 40, many: 640 },
  { backlog: 2000, rounds: 2, single: 10, many: 128 },
)

type Step = { name: string; run: (candidate: QueueCandidate, kept: unknown[]) => Promise<unknown> }

// In this order: what is enqueued is claimed, what is claimed is completed.
const steps: Step[] = [
  { name: 'enqueue', run: ({ add }) => add() },
  { name: 'claim', run: async ({ take }, kept) => kept.push(await take()) },
  { name: 'complete', run: ({ done }, kept) => done(kept.pop()) },
  { name: 'end to end', run: ({ pass }) => pass() },
]

const callers = [1, 64]

export async function bench(): Promise<Row[]> {
  using place = scratch()
  const room = (name: string) => {
    const dir = join(place.dir, name)
    mkdirSync(dir)
    return dir
  }
  const all: QueueCandidate[] = [
    ours(room('squadd')),
    await bullmq(room('redis')),
    await plainjob(room('durable'), true),
    await plainjob(room('normal'), false),
    await pgBoss(room('postgres')),
  ]
  for (const { fill } of all) await fill(backlog)
  // Warm: statements prepared, code compiled, connections open.
  for (const candidate of all) for (const inFlight of callers) await measure(candidate, inFlight)
  const found = new Map(all.map(({ name }) => [name, [] as Map<string, number>[]]))
  for (let round = 0; round < rounds; round += 1)
    for (const inFlight of callers)
      for (let nth = 0; nth < all.length; nth += 1) {
        const candidate = all[(nth + round) % all.length]!
        const figures = (found.get(candidate.name)![round] ??= new Map())
        for (const [step, rate] of await measure(candidate, inFlight))
          figures.set(`${step}, ${inFlight} at once`, rate)
      }
  for (const { close } of all) await close()
  const [mine, ...others] = [...found.values()]
  const names = [...found.keys()].slice(1)
  return others.flatMap((theirs, nth) =>
    [...mine![0]!.keys()].map((what) => {
      const pairs = mine!.map((round, index) => ({
        ours: round.get(what)!,
        theirs: theirs[index]!.get(what)!,
      }))
      return row(`${what} : ${names[nth]}`, 'jobs/s', pairs, budgetOf(what, names[nth]!))
    }),
  )
}

/** Jobs a second of each step, with so many callers. */
async function measure(candidate: QueueCandidate, inFlight: number): Promise<Map<string, number>> {
  const count = inFlight === 1 ? single : many
  const kept: unknown[] = []
  const rates = new Map<string, number>()
  for (const { name, run } of steps) {
    let left = count
    const caller = async () => {
      while (left-- > 0) await run(candidate, kept)
    }
    const start = performance.now()
    await Promise.all(Array.from({ length: inFlight }, caller))
    rates.set(name, (count / (performance.now() - start)) * 1000)
  }
  return rates
}

function budgetOf(what: string, theirs: string): Budget {
  if (!what.startsWith('end to end')) return {}
  if (theirs === 'BullMQ') return { atLeast: what.endsWith(' 1 at once') ? 2 : 3 }
  return theirs === 'plainjob, durable' && what.endsWith('64 at once') ? { atLeast: 1 } : {}
}
