import type { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { SquadError } from '../../../src/supervisor/domain/error.ts'
import type { Job } from '../../../src/workers/pool/job.ts'
import type { WorkerPoolOptions } from '../../../src/workers/pool/pool-options.ts'
import { WorkerPool } from '../../../src/workers/pool/worker-pool.ts'

const module = new URL('../../fixtures/pool-jobs.ts', import.meta.url)

/** A job of test/fixtures/pool-jobs.ts. */
export const job = (name: string, data?: unknown, more: Partial<Job> = {}): Job => ({
  module,
  export: name,
  data,
  ...more,
})

// Without what the test runner loads into every thread.
export const plainArgv = ['--conditions=squadd-source', '--disable-warning=ExperimentalWarning']

/** A pool that is started, and is ended with the test. */
export function startPool(t: Test, options: WorkerPoolOptions = {}): WorkerPool {
  const pool = new WorkerPool({ execArgv: plainArgv, ...options })
  void pool.start()
  t.teardown(() => pool.shutdown({ timeoutMs: 0 }).catch(() => {}))
  return pool
}

/** Cells that threads share: the first opens the gate, the second counts who waits there. */
export const gateCells = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

export function openGate(cells: Int32Array): void {
  Atomics.store(cells, 0, 1)
  Atomics.notify(cells, 0)
}

/** Resolves when `count` jobs wait at the gate. */
export async function waitersAt(cells: Int32Array, count: number): Promise<void> {
  for (let now = 0; (now = Atomics.load(cells, 1)) < count;)
    await Atomics.waitAsync(cells, 1, now).value
}

/** Resolves when the `count`th of the threads that begin from now on has ended. */
export function threadsEnd(t: Test, count: number): Promise<void> {
  // Idle threads do not keep the process alive; who waits for them does.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(alive))
  return new Promise((resolve) => {
    let ended = 0
    const begun = (worker: Worker) =>
      worker.once('exit', () => {
        if ((ended += 1) === count) resolve()
      })
    process.on('worker', begun)
    t.teardown(() => process.off('worker', begun))
  })
}

/** How a promise ended, in one word: `ok`, the code of an error, or what was thrown. */
export const endOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof SquadError ? error.code : String(error)),
  )
