// Ends well: node --conditions=squadd-source test/examples/pool-shutdown.ts
import { SquadError, WorkerPool } from 'squadd'

const module = new URL('./pool-work.mjs', import.meta.url)
const codeOf = (error: unknown) => (error instanceof SquadError ? error.code : String(error))

// A shutdown waits for all that was accepted; the results end with it.
const pool = new WorkerPool({ maxWorkers: 1 })
await pool.start()
const results = pool.results()
for (const n of [1, 2, 3]) void pool.submit({ module, export: 'square', data: n })
const closing = pool.shutdown({ timeoutMs: 10_000 })
console.log(await pool.submit({ module, export: 'square' }).catch(codeOf))
for await (const result of results) if (result.outcome === 'completed') console.log(result.value)
await closing

// What takes too long is dropped, and named.
const other = new WorkerPool({ maxWorkers: 1 })
await other.start()
const dropped = [
  other.submit({ id: 'endless', module, export: 'loopForEver' }).catch(codeOf),
  other.submit({ id: 'behind it', module, export: 'square', data: 2 }).catch(codeOf),
]
try {
  await other.shutdown({ timeoutMs: 100 })
} catch (error) {
  if (error instanceof SquadError) console.log(error.code, error.data['dropped'])
}
console.log(await Promise.all(dropped))

/* It prints:
SQUADD_POOL_SHUTTING_DOWN
1
4
9
SQUADD_TIMEOUT [ 'endless', 'behind it' ]
[ 'SQUADD_POOL_SHUTTING_DOWN', 'SQUADD_POOL_SHUTTING_DOWN' ]
*/
