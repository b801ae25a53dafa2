import type { End, Job } from './job.ts'
import type { JobFunction } from './job-functions.ts'
import type { Lane, Waiting } from './job-queue.ts'
import type { WorkerThread } from './worker-thread.ts'

/** A job from when it is accepted until it ends. */
export class PendingJob implements Waiting<PendingJob> {
  readonly priority: number
  readonly function: JobFunction
  readonly job: Job
  readonly timeoutMs: number
  /** This and `startedAt` on the clock of `performance.now()`. */
  readonly submittedAt = performance.now()
  startedAt = Infinity
  readonly promise: Promise<unknown>
  lane: Lane<PendingJob> | null = null
  previous: PendingJob | null = null
  next: PendingJob | null = null
  /** Where it runs. */
  thread: WorkerThread<PendingJob> | null = null
  /** Undoes what was done to hear of an abort. */
  unlisten: (() => void) | null = null
  hasEnded = false
  readonly #name: string | number
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void

  constructor(
    name: string | number,
    priority: number,
    timeoutMs: number,
    called: JobFunction,
    job: Job,
  ) {
    this.#name = name
    this.priority = priority
    this.timeoutMs = timeoutMs
    this.function = called
    this.job = job
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get id(): string {
    return typeof this.#name === 'string' ? this.#name : `job-${this.#name}`
  }

  get overdueAt(): number {
    return this.startedAt + this.timeoutMs
  }

  /** Ends it, once and for all; `isTold`: somebody besides the caller of `submit` learns of it. */
  settle(end: End, isTold: boolean): void {
    this.hasEnded = true
    this.unlisten?.()
    if (end.outcome === 'completed') this.#resolve(end.value)
    else {
      if (isTold) this.promise.catch(() => {})
      this.#reject(end.error)
    }
  }
}
