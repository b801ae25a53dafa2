// Work on other threads: node --conditions=squadd-source test/examples/pool-custom-job.ts
import { collectResults, WorkerPool } from 'squadd'

const module = new URL('./pool-work.mjs', import.meta.url)
const pool = new WorkerPool({ maxWorkers: 1 })
await pool.start()

// A job is an export of a module; its data is cloned, its result comes as a promise.
console.log(await pool.submit({ module, export: 'square', data: 12 }))

// What is waiting goes by priority: a name or any whole number, higher first.
const results = pool.results()
void pool.submit({ id: 'first', module, export: 'slowly', data: { ms: 50, value: 'first' } })
for (const priority of ['low', 'normal', 'critical', 7] as const) {
  const text = `${priority} goes by rank`
  void pool.submit({ id: `${priority}`, module, export: 'countWords', data: text, priority })
}
for await (const { id, outcome } of results) {
  console.log(id, outcome)
  if (id === 'low') break
}

// Errors arrive as they were thrown; collected, they stop nothing.
const collected = collectResults(pool.results(), 3)
for (const n of [1, 2]) void pool.submit({ module, export: 'square', data: n })
void pool.submit({ id: 'wrong', module, export: 'fail', data: 'no such number' })
const { values, errors } = await collected
console.log(
  values,
  errors.map(({ id, error }) => `${id}: ${String(error)}`),
)
await pool.shutdown()

/* It prints:
144
first completed
7 completed
critical completed
normal completed
low completed
[ 1, 4 ] [ 'wrong: RangeError: no such number' ]
*/
