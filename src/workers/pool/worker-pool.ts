import { setTimeout as pause } from 'node:timers/promises'
import { longestTimerMs } from '../../supervisor/domain/time.ts'
import type { End, Job, JobResult } from './job.ts'
import { exportOf, moduleOf, priorityOf } from './job.ts'
import { JobFunctions } from './job-functions.ts'
import { JobRunner } from './job-runner.ts'
import { JobResults } from './job-results.ts'
import { PendingJob } from './pending-job.ts'
import * as failure from './pool-errors.ts'
import type { PoolMetrics } from './pool-metrics.ts'
import { PoolTally } from './pool-metrics.ts'
import type { PoolOptions, WorkerPoolOptions } from './pool-options.ts'
import { checkWhole, readPoolOptions } from './pool-options.ts'
import type { Threads } from './threads.ts'
import type { WorkerStatus } from './worker-thread.ts'

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

/**
 * Runs functions of modules on worker threads: the highest priority first, equal ones in the order they
 * came. (Several workers share out jobs of less than an eighth of a millisecond a few at a time; within a
 * millisecond one may overtake another of the same priority.)
 *
 * Every job that `submit` accepts ends exactly once: with its result, with what it threw, or with
 * SQUADD_TIMEOUT, SQUADD_POOL_JOB_ABORTED, SQUADD_POOL_WORKER_DIED or SQUADD_POOL_SHUTTING_DOWN. A
 * job that loops for ever, ends its thread or uses up its memory harms no other: its thread is
 * replaced, where jobs run long by one that already stands by. (What is blocked inside a system call
 * is given up, but its thread ends only when the call does.) Threads come with the work and go when
 * there is none; idle ones do not keep the process alive.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #runner: JobRunner
  readonly #functions = new JobFunctions()
  readonly #results = new JobResults()
  readonly #tally = new PoolTally()
  #state: 'new' | 'started' | 'closing' | 'closed' = 'new'
  #starting: Promise<void> | null = null
  #closing: Promise<void> | null = null
  #threads: Threads | null = null
  #noticeEmpty = () => {}
  /** Producers that wait for room. */
  readonly #waiting: (() => void)[] = []
  #isLettingIn = false
  #lastNumber = 0

  /** Throws SQUADD_INVALID, which names the option. Makes no thread yet. */
  constructor(options: WorkerPoolOptions = {}) {
    this.#options = readPoolOptions(options)
    this.#runner = new JobRunner(this.#options, (job, end, now) => this.#ended(job, end, now))
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
  submit<T = unknown>(job: Job, options?: { signal?: AbortSignal }): Promise<T> {
    try {
      const signal = options?.signal
      this.#refuseUnlessOpen()
      if (this.#free() <= 0) throw this.#full()
      const pending = this.#accept(job)
      if (signal?.aborted) throw failure.aborted(pending.id, signal.reason)
      this.#tally.submitted += 1
      if (signal) this.#heed(pending, signal)
      this.#runner.add(pending)
      return pending.promise as Promise<T>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Resolves when there is room for one job more: `await pool.room()` before each `submit` keeps a
   * producer at the pace of its workers. Who waits is let in by turns. Rejects with
   * SQUADD_POOL_NOT_STARTED or SQUADD_POOL_SHUTTING_DOWN.
   */
  async room(): Promise<void> {
    this.#refuseUnlessOpen()
    if (this.#free() <= 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#refuseUnlessOpen()
  }

  /**
   * How each job ends from now on, in the order of the ends; ends itself with the pool. A reader that
   * leaves `queueSize` results unread makes `submit` refuse; leaving the loop frees it.
   */
  results(): AsyncIterableIterator<JobResult> {
    return this.#results.read(() => this.#letIn())
  }

  metrics(): PoolMetrics {
    const { queued, running } = this.#runner
    const { idleCount: idleWorkers = 0, lost: lostWorkers = 0 } = this.#threads ?? {}
    return this.#tally.metrics({ queued, running, idleWorkers, lostWorkers })
  }

  /** The workers that are up, and those that died and are not replaced yet. */
  workers(): WorkerView[] {
    return (this.#threads?.all ?? []).map((thread) => ({
      id: thread.id,
      status: thread.status,
      job: thread.jobs[0]?.id ?? null,
      jobsProcessed: thread.jobsProcessed,
      lastError: thread.lastError,
      // The wall clock may have been set since this process began.
      lastHeartbeatAt: Math.round(Date.now() - (performance.now() - thread.lastSeenAt)),
    }))
  }

  /**
   * Takes no more jobs, waits for all that were accepted, then ends threads and results. Rejects with
   * SQUADD_TIMEOUT when `timeoutMs` (default 30,000) passes before: the jobs that had not ended are
   * dropped then, `data.dropped` has their ids. Asked again it answers the same.
   */
  shutdown({ timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<void> {
    try {
      checkWhole('timeoutMs', timeoutMs, 0, longestTimerMs)
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
    // Loaded late: a pool that is never used costs nothing.
    const { Threads } = await import('./threads.ts')
    if (this.#isClosed()) return
    try {
      this.#threads = new Threads(this.#options, {
        ready: () => {
          this.#runner.dispatch()
          this.#letIn()
        },
        answered: (thread, answer) => this.#runner.answered(thread, answer),
        died: (thread, error) => this.#runner.died(thread, error),
        stillborn: (error) => this.#runner.stillborn(error),
      })
    } catch (error) {
      this.#state = 'closed'
      this.#runner.stillborn(error)
      throw error
    }
    this.#runner.open(this.#threads)
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #refuseUnlessOpen(): void {
    if (this.#state === 'new') throw failure.notStarted()
    if (this.#state !== 'started') throw failure.shuttingDown()
  }

  #full(): Error {
    return failure.queueFull(this.#options.queueSize, this.#results.unread)
  }

  /** Jobs there is room for. */
  #free(): number {
    return this.#options.queueSize - Math.max(this.#runner.queued, this.#results.unread)
  }

  /** Lets in as many as there is room for, once a turn: by the next they have submitted, or will not. */
  #letIn(): void {
    if (this.#waiting.length === 0 || this.#isLettingIn) return
    this.#isLettingIn = true
    setImmediate(() => {
      this.#isLettingIn = false
      const isOpen = this.#state === 'started'
      const some = this.#waiting.splice(0, isOpen ? Math.max(0, this.#free()) : Infinity)
      for (const enter of some) enter()
      if (some.length > 0) this.#letIn()
    })
  }

  #accept(job: Job): PendingJob {
    const timeoutMs = job.timeoutMs ?? this.#options.workerTimeoutMs
    return new PendingJob(
      (this.#lastNumber += 1),
      job.id,
      priorityOf(job.priority),
      checkWhole('timeoutMs', timeoutMs, 1, longestTimerMs),
      this.#functions.of(moduleOf(job), exportOf(job)),
      job,
    )
  }

  #heed(job: PendingJob, signal: AbortSignal): void {
    const abort = () => this.#runner.giveUp(job, 'aborted', failure.aborted(job.id, signal.reason))
    signal.addEventListener('abort', abort, { once: true })
    job.unlisten = () => signal.removeEventListener('abort', abort)
  }

  #ended(job: PendingJob, end: End, now: number): void {
    const latencyMs = now - job.submittedAt
    this.#tally.end(end.outcome, latencyMs)
    const { isRead } = this.#results
    if (isRead) this.#results.push({ id: job.id, latencyMs, ...end })
    job.settle(end, isRead)
    if (this.#waiting.length > 0) this.#letIn()
    if (this.#runner.queued + this.#runner.running === 0) this.#noticeEmpty()
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#state = 'closing'
    this.#letIn()
    const { queued, running } = this.#runner
    if (queued + running > 0) {
      const empty = new Promise<void>((resolve) => (this.#noticeEmpty = resolve))
      await Promise.race([empty, pause(timeoutMs, undefined, { ref: false })])
    }
    this.#state = 'closed'
    const dropped = this.#runner.drop().map((job) => job.id)
    this.#results.close()
    await this.#threads?.close()
    if (dropped.length > 0) throw failure.stillRunning(timeoutMs, dropped)
  }
}
