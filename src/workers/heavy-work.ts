import { availableParallelism } from 'node:os'
import type { Worktrees } from '../supervisor/domain/ports.ts'
import type { DiffOrder } from './diff-job.ts'
import { entryFile } from './entry.ts'
import { WorkerPool } from './pool/worker-pool.ts'

/** No value that one reply holds takes this long. */
const redactTimeoutMs = 60_000
/** What git may need for a diff, as everywhere. */
const diffTimeoutMs = 600_000

/**
 * What a supervisor does on worker threads, so that its own never works long at one thing. The threads
 * come with the first such work and go after half a minute without any.
 */
export class HeavyWork {
  readonly pool = new WorkerPool({ maxWorkers: Math.min(4, availableParallelism()) })

  /** As `diffOf`. Throws the errors of `WorkerPool.submit` too. */
  readonly diff: Worktrees['diff'] = (path, base) => {
    void this.pool.start().catch(() => {})
    return this.pool.submit<Uint8Array>({
      id: `diff ${path}`,
      module: entryFile('diff-job', 'diff-job'),
      export: 'diffJob',
      data: { path, base } satisfies DiffOrder,
      moveResult: true,
      timeoutMs: diffTimeoutMs,
    })
  }

  /** As `redactJob`. Throws the errors of `WorkerPool.submit`. */
  readonly redacted = (value: unknown): Promise<Uint8Array> => {
    void this.pool.start().catch(() => {})
    return this.pool.submit<Uint8Array>({
      module: entryFile('redact-job', 'redact-job'),
      export: 'redactJob',
      data: value,
      moveResult: true,
      priority: 'high',
      timeoutMs: redactTimeoutMs,
    })
  }
}
