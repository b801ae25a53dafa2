import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WorkerPool } from '../../../src/index.ts'
import type { Row } from '../row.ts'
import { row } from '../row.ts'
import { module } from './candidates.ts'

const [few, many] = [1_000, 100_000]
const rounds = 7

/** Time and memory of a job when 100,000 of random priority wait, compared with 1,000. */
export async function queueRows(threads: number): Promise<Row[]> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const pool = new WorkerPool({ maxWorkers: threads, queueSize: many })
  await pool.start()
  const fill = (count: number) =>
    Array.from({ length: count }, (_, data) => {
      const priority = Math.floor(Math.random() * 1_000_000)
      return pool.submit({ module, export: 'noop', data, priority })
    })
  await Promise.all(fill(many))
  const times: { ours: number; theirs: number }[] = []
  const sizes: typeof times = []
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now()
    // As many jobs in both cases.
    for (let n = 0; n < many / few; n += 1) await Promise.all(fill(few))
    const between = performance.now()
    await Promise.all(fill(many))
    const micros = (ms: number) => (ms * 1000) / many
    times.push({
      ours: micros(performance.now() - between),
      theirs: micros(between - start),
    })
    const bytes = async (count: number) => {
      gc()
      const before = process.memoryUsage().heapUsed
      const jobs = fill(count)
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
    // The logarithm alone allows for 1.67; the rest is memory that no cache holds.
    row(name('time'), 'us', times, { atMost: 2 }),
    row(name('memory'), 'bytes', sizes, { atMost: 1.2 }),
  ]
}
