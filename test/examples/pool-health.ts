// Workers that hang or die: node --conditions=squadd-source test/examples/pool-health.ts
import { SquadError, WorkerPool } from 'squadd'

const module = new URL('./pool-work.mjs', import.meta.url)
const pool = new WorkerPool({
  maxWorkers: 2,
  workerTimeoutMs: 60_000,
  resourceLimits: { maxOldGenerationSizeMb: 64 },
})
await pool.start()

// A stuck worker is ended at the timeout of its job and replaced; the others go on.
const codeOf = (error: unknown) => (error instanceof SquadError ? error.code : String(error))
const stuck = pool
  .submit({ id: 'stuck', module, export: 'loopForEver', timeoutMs: 100 })
  .catch(codeOf)
const fine = pool.submit({ module, export: 'slowly', data: { ms: 20, value: 'fine' } })
console.log(await fine)
console.log(await stuck)

// So is one that dies.
const died = pool.submit({
  id: 'leaves',
  module: 'data:text/javascript,export default () => process.exit(3)',
})
console.log(await died.catch((error: unknown) => String(error)))
console.log(await pool.submit({ module, export: 'square', data: 3 }))

const { completed, failed, timedOut, lostWorkers, latencyMs } = pool.metrics()
console.log({ completed, failed, timedOut, lostWorkers, measured: latencyMs.p99 >= latencyMs.p50 })
for (const { status, job, lastHeartbeatAt } of pool.workers())
  if (status === 'busy') console.log(job, lastHeartbeatAt)
await pool.shutdown()
console.log(new Set(pool.workers().map(({ status }) => status)).has('stopped'))

/* It prints:
fine
SQUADD_TIMEOUT
SquadError: job "leaves": its worker died: it ended with code 3
9
{
  completed: 2,
  failed: 1,
  timedOut: 1,
  lostWorkers: 2,
  measured: true
}
true
*/
