import { availableParallelism } from 'node:os'
import type { Worktrees } from '../supervisor/domain/ports.ts'
import type { DiffOrder } from './diff-job.ts'
import { entryFile } from './entry.ts'
import type { Job } from './pool/job.ts'
import { WorkerPool } from './pool/worker-pool.ts'

/** No value that one reply holds takes this long. */
const redactTimeoutMs = 60_000
/** What git may need for a diff, as everywhere; more than enough for a copy of the store. */
const timeoutMs = 600_000

/**
 * What a supervisor does on worker threads, so that its own never works long at one thing. The threads
 * come with the first such work and go after half a minute without any.
 */
export class HeavyWork {
  readonly pool = new WorkerPool({
    maxWorkers: Math.min(4, availableParallelism()),
    // Large texts go through, few stay: their room is used again soon, the sooner the less there may be.
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
  })

  #redacted: Promise<unknown> = Promise.resolve()

  /** Any other job; the threads come with it. */
  run<T>(job: Job): Promise<T> {
    void this.pool.start().catch(() => {})
    return this.pool.submit<T>({ timeoutMs, ...job })
  }

  /** As `diffOf`. Throws the errors of `WorkerPool.submit` too. */
  readonly diff: Worktrees['diff'] = (path, base) =>
    this.run<Uint8Array>({
      id: `diff ${path}`,
      module: entryFile('diff-job', 'diff-job'),
      export: 'diffJob',
      data: { path, base } satisfies DiffOrder,
      moveResult: true,
    })

  /**
   * As `redactJob`. Throws the errors of `WorkerPool.submit`. One at a time: a flood of large texts needs
   * one thread for them and not all, of which each would come to hold 40 MB.
   */
  readonly redacted = (value: unknown): Promise<Uint8Array> => {
    const done = this.#redacted.then(() =>
      this.run<Uint8Array>({
        module: entryFile('redact-job', 'redact-job'),
        export: 'redactJob',
        data: value,
        moveResult: true,
        priority: 'high',
        timeoutMs: redactTimeoutMs,
      }),
    )
    this.#redacted = done.catch(() => {})
    return done
  }
}
