// A queue with a limit: node --conditions=squadd-source test/examples/pool-backpressure.ts
import { collectResults, SquadError, WorkerPool } from 'squadd'

const module = new URL('./pool-work.mjs', import.meta.url)
const pool = new WorkerPool({ maxWorkers: 2, queueSize: 4 })
await pool.start()

// Who submits faster than the workers work is refused …
const many = Array.from({ length: 20 }, (_, n) =>
  pool.submit({ module, export: 'square', data: n }),
)
const refused = (await Promise.allSettled(many)).flatMap((end) =>
  'reason' in end ? [end.reason] : [],
)
const [first] = refused as SquadError[]
console.log(refused.length > 10, first?.code, '-', first?.message)

// … or waits until there is room. Results are read as they come, never more than four behind.
const results = collectResults<number>(pool.results(), 100)
for (let n = 1; n <= 100; n++) {
  await pool.room()
  void pool.submit({ module, export: 'square', data: n })
}
const { values } = await results
console.log(values.reduce((sum, value) => sum + value, 0))

// A job that is no longer wanted leaves the queue, or is ended where it runs.
const signal = AbortSignal.timeout(50)
const unwanted = pool.submit({ id: 'endless', module, export: 'loopForEver' }, { signal })
console.log(await unwanted.catch((error: unknown) => String(error)))
await pool.shutdown()

/* It prints:
true SQUADD_POOL_QUEUE_FULL - 4 jobs wait in the worker pool already; wait for results, then submit again
338350
SquadError: job "endless" was aborted
*/
