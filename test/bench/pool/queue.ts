import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WorkerPool } from '../../../src/index.ts'
import type { Row } from '../row.ts'
import { row } from '../row.ts'
import { settleBare } from './bare.ts'
import { module } from './candidates.ts'

const [few, many] = [1_000, 100_000]
const rounds = 7

/** With many, and with few. */
type Pair = { ours: number; theirs: number }

/**
 * Time and memory of a job when 100,000 wait, compared with 1,000: of equal priority, and of random
 * ones. What ends in random order costs more by itself: no cache holds 100,000 promises. So the growth
 * of random ones stands beside that of bare promises, settled in random order.
 */
export async function queueRows(threads: number): Promise<Row[]> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const pool = new WorkerPool({ maxWorkers: threads, queueSize: many })
  await pool.start()
  const random = () => Math.floor(Math.random() * 1_000_000)
  const fill = (count: number, priority: () => number) =>
    Array.from({ length: count }, (_, data) =>
      pool.submit({ module, export: 'noop', data, priority: priority() }),
    )
  const equal = (count: number) => Promise.all(fill(count, () => 3))
  const mixed = (count: number) => Promise.all(fill(count, random))
  for (const run of [equal, mixed, settleBare]) await run(many)
  const times: Pair[] = []
  const growths: Pair[] = []
  const sizes: Pair[] = []
  for (let round = 0; round < rounds; round += 1) {
    times.push(await perJob(equal))
    const [pool, bare] = [await perJob(mixed), await perJob(settleBare)]
    growths.push({ ours: pool.ours / pool.theirs, theirs: bare.ours / bare.theirs })
    const bytes = async (count: number) => {
      // What the last jobs left behind goes with the second.
      gc()
      await pause(10)
      gc()
      const before = process.memoryUsage().heapUsed
      const jobs = fill(count, random)
      gc()
      const used = process.memoryUsage().heapUsed - before
      await Promise.all(jobs)
      return used / count
    }
    sizes.push({ ours: await bytes(many), theirs: await bytes(few) })
  }
  await pool.shutdown()
  const name = (what: string) => `${what} of a job, ${many} : ${few} queued`
  return [
    row(name('time'), 'us', times, { atMost: 1.5 }),
    row(`growth of ${name('time')}, random priorities : bare promises`, 'x', growths, {
      atMost: 1,
    }),
    row(name('memory'), 'bytes', sizes, { atMost: 1.2 }),
  ]
}

/** Microseconds of each of as many jobs: many at once, and a few at a time. */
async function perJob(run: (count: number) => Promise<unknown>): Promise<Pair> {
  const start = performance.now()
  for (let n = 0; n < many / few; n += 1) await run(few)
  const between = performance.now()
  await run(many)
  const micros = (ms: number) => (ms * 1000) / many
  return { ours: micros(performance.now() - between), theirs: micros(between - start) }
}
