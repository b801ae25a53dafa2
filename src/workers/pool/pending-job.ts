import type { End, Job, JobOutcome } from './job.ts'
import type { JobFunction } from './job-functions.ts'
import type { Lane, Waiting } from './job-queue.ts'
import type { WorkerThread } from './worker-thread.ts'

/** A job from when it is accepted until it ends. */
export class PendingJob implements Waiting<PendingJob> {
  /** The how-manieth of its pool. */
  readonly number: number
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
  /** The thread that has it, and the how-manieth order that is there. */
  thread: WorkerThread<PendingJob> | null = null
  orderNumber = -1
  /** Undoes what was done to hear of an abort. */
  unlisten: (() => void) | null = null
  outcome: JobOutcome | null = null
  readonly #id: string | undefined
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void

  constructor(
    number: number,
    id: string | undefined,
    priority: number,
    timeoutMs: number,
    called: JobFunction,
    job: Job,
  ) {
    this.number = number
    this.#id = id
    this.priority = priority
    this.timeoutMs = timeoutMs
    this.function = called
    this.job = job
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get hasEnded(): boolean {
    return this.outcome !== null
  }

  get id(): string {
    return this.#id ?? `job-${this.number}`
  }

  get overdueAt(): number {
    return this.startedAt + this.timeoutMs
  }

  /** Ends it, once and for all; `isTold`: somebody besides the caller of `submit` learns of it. */
  settle(end: End, isTold: boolean): void {
    this.outcome = end.outcome
    this.unlisten?.()
    if (end.outcome === 'completed') this.#resolve(end.value)
    else {
      if (isTold) this.promise.catch(() => {})
      this.#reject(end.error)
    }
  }
}
