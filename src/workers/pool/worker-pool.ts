import type { Job, JobOutcome, JobResult } from './job.ts'
import { namedPriorities, orderOf, priorityOf } from './job.ts'
import { unpackError } from './job-error.ts'
import { JobQueue } from './job-queue.ts'
import { JobResults } from './job-results.ts'
import { PendingJob } from './pending-job.ts'
import * as failure from './pool-errors.ts'
import type { PoolMetrics } from './pool-metrics.ts'
import { PoolTally } from './pool-metrics.ts'
import type { PoolOptions, WorkerPoolOptions } from './pool-options.ts'
import { checkWhole, longestMs, readPoolOptions } from './pool-options.ts'
import type { Thread, Threads, WorkerStatus } from './threads.ts'

/** A worker as people see it. */
export type WorkerView = {
  id: number
  /** `failed`: it died or was ended, and its successor is not up yet. */
  status: WorkerStatus
  /** The job it has now. */
  job: string | null
  jobsProcessed: number
  lastError: string | null
  /** When it last came up, took up a job or ended one, ms since 1970. */
  lastHeartbeatAt: number
}

// A pause after a thread that died before it was up: what kept it from that may pass.
const stillbornPauseMs = 1000

/**
 * Runs functions of modules on worker threads, the most urgent first.
 *
 * Every job that `submit` accepts ends exactly once: with its result, with what it threw, or with
 * SQUADD_TIMEOUT, SQUADD_POOL_JOB_ABORTED, SQUADD_POOL_WORKER_DIED or SQUADD_POOL_SHUTTING_DOWN. A
 * job that loops for ever, ends its thread or uses up its memory harms no other: its thread is
 * replaced. (What is blocked inside a system call is given up, but ends only when the call does.)
 * Threads come with the work, one more than needed stands by, and go when there is none; idle ones do
 * not keep the process alive.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #queue = new JobQueue<PendingJob>(Object.values(namedPriorities))
  readonly #running = new Set<PendingJob>()
  readonly #results = new JobResults()
  readonly #tally = new PoolTally()
  #state: 'new' | 'started' | 'closing' | 'closed' = 'new'
  #starting: Promise<void> | null = null
  #closing: Promise<void> | null = null
  #threads: Threads | null = null
  #noticeEmpty = () => {}
  #lastId = 0
  #pausedUntil = 0
  #beat: NodeJS.Timeout | undefined
  #alarm: NodeJS.Timeout | undefined
  #alarmAt = Infinity

  /** Throws SQUADD_INVALID, which names the option. Makes no thread yet. */
  constructor(options: WorkerPoolOptions = {}) {
    this.#options = readPoolOptions(options)
  }

  /**
   * Takes jobs from now on; resolves when `minWorkers` are being brought up. Again it does nothing.
   * Rejects with SQUADD_POOL_SHUTTING_DOWN after a shutdown.
   */
  start(): Promise<void> {
    if (this.#closing) return Promise.reject(failure.shuttingDown())
    this.#starting ??= this.#open()
    return this.#starting
  }

  /**
   * Runs a job and resolves with what its function returns. Rejects with what that throws, with one of
   * the errors above, or at once with SQUADD_POOL_NOT_STARTED, SQUADD_POOL_SHUTTING_DOWN,
   * SQUADD_POOL_QUEUE_FULL or SQUADD_INVALID. `signal` takes a waiting job out of the queue and ends
   * the thread of a running one.
   */
  submit<T = unknown>(job: Job, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
    try {
      this.#refuse()
      const pending = this.#accept(job)
      if (signal?.aborted) throw failure.aborted(pending.id, signal.reason)
      this.#tally.submitted += 1
      if (signal) this.#heed(pending, signal)
      this.#queue.push(pending)
      if (this.#queue.size + this.#running.size === 1) this.#beat?.ref()
      this.#dispatch()
      return pending.promise as Promise<T>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * How each job ends from now on, in the order of the ends; ends itself with the pool. A reader that
   * leaves `queueSize` results unread makes `submit` refuse; leaving the loop frees it.
   */
  results(): AsyncIterableIterator<JobResult> {
    return this.#results.read()
  }

  metrics(): PoolMetrics {
    const [queued, running] = [this.#queue.size, this.#running.size]
    const idleWorkers = this.#threads?.idleCount ?? 0
    return this.#tally.metrics({
      queued,
      running,
      idleWorkers,
      lostWorkers: this.#threads?.lost ?? 0,
    })
  }

  /** The workers that are up, and those that died and are not replaced yet. */
  workers(): WorkerView[] {
    return (this.#threads?.all ?? []).map((thread) => ({
      id: thread.id,
      status: thread.status,
      job: thread.jobId,
      jobsProcessed: thread.jobsProcessed,
      lastError: thread.lastError,
      lastHeartbeatAt: thread.lastHeartbeatAt,
    }))
  }

  /**
   * Takes no more jobs, waits for all that were accepted, then ends threads and results. Rejects with
   * SQUADD_TIMEOUT when `timeoutMs` (default 30,000) passes before: the jobs that had not ended are
   * dropped then, `data.dropped` has their ids. Asked again it answers the same.
   */
  shutdown({ timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<void> {
    try {
      checkWhole('timeoutMs', timeoutMs, 0, longestMs)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  async #open(): Promise<void> {
    this.#state = 'started'
    this.#beat = setInterval(() => this.#check(), this.#options.healthCheckIntervalMs)
    if (this.#queue.size === 0) this.#beat.unref()
    // Loaded late: a pool that is never used costs nothing.
    const { Threads } = await import('./threads.ts')
    if (this.#isClosed()) return
    try {
      this.#threads = new Threads(this.#options, {
        ready: () => this.#dispatch(),
        stillborn: (error) => this.#stillborn(error),
      })
    } catch (error) {
      this.#stillborn(error)
      this.#state = 'closed'
      throw error
    }
    this.#dispatch()
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #refuse(): void {
    if (this.#state === 'new') throw failure.notStarted()
    if (this.#state !== 'started') throw failure.shuttingDown()
    const { queueSize } = this.#options
    const { unread } = this.#results
    if (this.#queue.size >= queueSize || unread >= queueSize)
      throw failure.queueFull(queueSize, unread)
  }

  #accept(job: Job): PendingJob {
    const timeoutMs = job.timeoutMs ?? this.#options.workerTimeoutMs
    return new PendingJob(
      job.id ?? `job-${(this.#lastId += 1)}`,
      priorityOf(job.priority),
      orderOf(job),
      job.transfer ?? [],
      checkWhole('timeoutMs', timeoutMs, 1, longestMs),
    )
  }

  #heed(job: PendingJob, signal: AbortSignal): void {
    const abort = () => this.#giveUp(job, 'aborted', failure.aborted(job.id, signal.reason))
    signal.addEventListener('abort', abort, { once: true })
    job.unlisten = () => signal.removeEventListener('abort', abort)
  }

  /** Starts what may start, and sees to it that there are threads for the rest. */
  #dispatch(): void {
    const threads = this.#threads
    if (!threads) return
    while (this.#queue.size > 0 && this.#running.size < this.#options.maxWorkers) {
      if (threads.idleCount === 0) break
      const job = this.#queue.shift()!
      this.#run(job, threads.take(job.id)!, threads)
    }
    const inFlight = this.#queue.size + this.#running.size
    if (inFlight > 0 && performance.now() >= this.#pausedUntil)
      threads.grow(Math.min(inFlight, this.#options.maxWorkers) + 1)
  }

  #run(job: PendingJob, thread: Thread, threads: Threads): void {
    this.#running.add(job)
    job.thread = thread
    job.overdueAt = performance.now() + job.timeoutMs
    this.#watch(job.overdueAt)
    threads.run(thread, job.order, job.transfer).then(
      (value) => this.#ran(job, thread, { outcome: 'completed', value }),
      (error: unknown) => this.#ran(job, thread, { outcome: 'failed', error }),
    )
  }

  /** A thread has done with a job, one way or the other. */
  #ran(job: PendingJob, thread: Thread, end: End): void {
    this.#threads?.free(thread)
    if (job.hasEnded) return
    const known = end.outcome === 'failed' ? whatFailed(job, thread, end.error) : end
    if (known.outcome !== 'completed') thread.lastError = String(known.error)
    this.#end(job, known)
    this.#dispatch()
  }

  /** Ends a job before its time, and the thread with it when it runs. */
  #giveUp(job: PendingJob, outcome: Exclude<JobOutcome, 'completed'>, error: Error): void {
    if (job.hasEnded) return
    this.#queue.remove(job)
    if (job.thread) this.#threads?.end(job.thread, error.message)
    this.#end(job, { outcome, error })
    this.#dispatch()
  }

  #end(job: PendingJob, end: End): void {
    this.#running.delete(job)
    const latencyMs = performance.now() - job.submittedAt
    this.#tally.end(end.outcome, latencyMs)
    const result = { id: job.id, latencyMs, ...end }
    const { isRead } = this.#results
    if (isRead) this.#results.push(result)
    job.settle(result, isRead)
    if (this.#queue.size + this.#running.size > 0) return
    this.#beat?.unref()
    this.#noticeEmpty()
  }

  /** Looks again when the first job is overdue. */
  #watch(overdueAt: number): void {
    if (overdueAt >= this.#alarmAt) return
    clearTimeout(this.#alarm)
    this.#alarmAt = overdueAt
    const waitMs = Math.min(longestMs, Math.max(1, Math.ceil(overdueAt - performance.now())))
    this.#alarm = setTimeout(() => this.#check(), waitMs).unref()
  }

  /** Ends overdue jobs, replaces what is missing. */
  #check(): void {
    const now = performance.now()
    clearTimeout(this.#alarm)
    this.#alarmAt = Infinity
    for (const job of [...this.#running])
      if (job.overdueAt <= now) this.#giveUp(job, 'timed_out', failure.tookTooLong(job))
    for (const job of this.#running) this.#watch(job.overdueAt)
    this.#dispatch()
  }

  /** Without any thread nothing would ever run: what waits is told so instead. */
  #stillborn(error: unknown): void {
    if (this.#isClosed()) return
    this.#pausedUntil = performance.now() + stillbornPauseMs
    this.#watch(this.#pausedUntil)
    if (this.#running.size > 0 || (this.#threads?.idleCount ?? 0) > 0) return
    for (let job = this.#queue.shift(); job; job = this.#queue.shift())
      this.#end(job, { outcome: 'failed', error: failure.noWorker(job.id, error) })
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#state = 'closing'
    const late = new Promise<'late'>((resolve) => {
      setTimeout(resolve, timeoutMs, 'late').unref()
    })
    const empty = new Promise<void>((resolve) => (this.#noticeEmpty = resolve))
    if (this.#queue.size + this.#running.size > 0) await Promise.race([empty, late])
    this.#state = 'closed'
    const dropped = [...this.#running]
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) dropped.push(job)
    for (const job of dropped) this.#giveUp(job, 'dropped', failure.droppedJob(job))
    clearInterval(this.#beat)
    clearTimeout(this.#alarm)
    this.#results.close()
    await this.#threads?.close()
    const ids = dropped.map((job) => job.id)
    if (ids.length > 0) throw failure.stillRunning(timeoutMs, ids)
  }
}

type End =
  | { outcome: 'completed'; value: unknown }
  | { outcome: Exclude<JobOutcome, 'completed'>; error: unknown }

function whatFailed(job: PendingJob, thread: Thread, error: unknown): End {
  const own = unpackError(error)
  if (own) return { outcome: 'failed', error: own.thrown }
  const problem = thread.isAlive
    ? failure.badData(job.id, error)
    : failure.workerDied(job.id, error)
  return { outcome: 'failed', error: problem }
}
