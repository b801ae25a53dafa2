import type { JobResult, ThreadOrder } from './job.ts'
import type { Lane, Waiting } from './job-queue.ts'
import type { Thread } from './threads.ts'

/** A job from when it is accepted until it ends. */
export class PendingJob implements Waiting<PendingJob> {
  readonly id: string
  readonly priority: number
  readonly order: ThreadOrder
  readonly transfer: readonly unknown[]
  readonly timeoutMs: number
  readonly submittedAt = performance.now()
  readonly promise: Promise<unknown>
  lane: Lane<PendingJob> | null = null
  previous: PendingJob | null = null
  next: PendingJob | null = null
  /** Where it runs. */
  thread: Thread | null = null
  /** On the clock of `performance.now()`. */
  overdueAt = Infinity
  /** Undoes what was done to hear of an abort. */
  unlisten: (() => void) | null = null
  hasEnded = false
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void

  constructor(
    id: string,
    priority: number,
    order: ThreadOrder,
    transfer: readonly unknown[],
    timeoutMs: number,
  ) {
    this.id = id
    this.priority = priority
    this.order = order
    this.transfer = transfer
    this.timeoutMs = timeoutMs
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Ends it, once and for all; `isTold`: somebody besides the caller of `submit` learns of it. */
  settle(result: JobResult, isTold: boolean): void {
    this.hasEnded = true
    this.unlisten?.()
    if (result.outcome === 'completed') this.#resolve(result.value)
    else {
      if (isTold) this.promise.catch(() => {})
      this.#reject(result.error)
    }
  }
}
