import type { Answer, End, JobOutcome } from './job.ts'
import { namedPriorities } from './job.ts'
import { unpackError } from './job-error.ts'
import { JobQueue } from './job-queue.ts'
import type { PendingJob } from './pending-job.ts'
import * as failure from './pool-errors.ts'
import type { PoolOptions } from './pool-options.ts'
import { longestMs } from './pool-options.ts'
import type { PoolThread, Threads } from './threads.ts'

// A job that has run for this long may be one that will have to be ended.
const longMs = 50
// What kept a thread from coming up may pass.
const stillbornPauseMs = 1000

/** Brings jobs to threads, the most urgent first, and ends those that take too long. */
export class JobRunner {
  readonly #options: PoolOptions
  readonly #onEnd: (job: PendingJob, end: End, now: number) => void
  readonly #queue = new JobQueue<PendingJob>(Object.values(namedPriorities))
  #threads: Threads | null = null
  #running = 0
  /** A thread more than there is work for. */
  #spare = 0
  #pausedUntil = 0
  #alarm: NodeJS.Timeout | undefined
  #alarmAt = Infinity
  /** Keeps the process alive while there are jobs, and a moment longer: once in 50 ms is enough. */
  #hold: NodeJS.Timeout | undefined

  constructor(options: PoolOptions, onEnd: (job: PendingJob, end: End, now: number) => void) {
    this.#options = options
    this.#onEnd = onEnd
  }

  get queued(): number {
    return this.#queue.size
  }

  get running(): number {
    return this.#running
  }

  /** There are threads from now on. */
  open(threads: Threads): void {
    this.#threads = threads
    this.dispatch()
    this.#watch(this.#nextLookAt())
  }

  add(job: PendingJob): void {
    this.#queue.push(job)
    this.dispatch()
  }

  /** Ends a job before its time, and the thread with it when it runs. */
  giveUp(job: PendingJob, outcome: Exclude<JobOutcome, 'completed'>, error: Error): void {
    if (job.hasEnded) return
    this.#queue.remove(job)
    if (job.thread) {
      job.thread.job = null
      this.#threads?.end(job.thread, error.message)
    }
    this.#end(job, { outcome, error })
    this.dispatch()
  }

  /** Ends all there is; answers what that was. */
  drop(): PendingJob[] {
    const jobs = this.#threads?.jobs() ?? []
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) jobs.push(job)
    for (const job of jobs) this.giveUp(job, 'dropped', failure.droppedJob(job))
    clearTimeout(this.#alarm)
    this.#release()
    this.#alarmAt = -Infinity
    return jobs
  }

  /** Starts what may start, and sees to it that there are threads for the rest. */
  dispatch(): void {
    const threads = this.#threads
    while (threads && this.#queue.size > 0 && this.#running < this.#options.maxWorkers) {
      if (threads.idleCount === 0) break
      this.#run(this.#queue.shift()!, threads)
    }
    const inFlight = this.#queue.size + this.#running
    const wanted = inFlight === 0 ? 0 : Math.min(inFlight, this.#options.maxWorkers) + this.#spare
    if (threads && threads.count < wanted && performance.now() >= this.#pausedUntil)
      threads.grow(wanted)
    if (inFlight > 0) this.#hold ??= setInterval(() => {}, longestMs)
  }

  /** A thread died before it was up. Without any, what waits is told so: it would wait for ever. */
  stillborn(error: unknown): void {
    this.#pausedUntil = performance.now() + stillbornPauseMs
    this.#watch(this.#pausedUntil)
    if (this.#threads && this.#threads.count > 0) return
    for (let job = this.#queue.shift(); job; job = this.#queue.shift())
      this.#end(job, { outcome: 'failed', error: failure.noWorker(job.id, error) })
    this.dispatch()
  }

  #run(job: PendingJob, threads: Threads): void {
    const now = performance.now()
    try {
      threads.start(job, now)
    } catch (error) {
      this.#end(job, { outcome: 'failed', error: failure.badData(job.id, error) })
      return
    }
    this.#running += 1
    job.startedAt = now
    this.#watch(Math.min(now + longMs, job.overdueAt))
  }

  /** A thread has done with its job, one way or the other. */
  answered(thread: PoolThread, answer: Answer): void {
    const job = thread.job
    // Ended in the meantime.
    if (!job) return
    const now = performance.now()
    this.#threads?.free(thread, now)
    this.#watch(now + Math.max(1, this.#options.idleTimeoutMs))
    // The thread first, then the news.
    this.#running -= 1
    this.dispatch()
    if ('value' in answer) {
      thread.known[job.function.number] = true
      this.#onEnd(job, { outcome: 'completed', value: answer.value }, now)
    } else {
      const error = unpackError(answer.thrown)
      thread.lastError = String(error)
      this.#onEnd(job, { outcome: 'failed', error }, now)
    }
  }

  /** A thread died at its job. */
  died(thread: PoolThread, cause: unknown): void {
    const job = thread.job
    if (!job) return
    thread.job = null
    const error = failure.workerDied(job.id, cause)
    thread.lastError = String(error)
    this.#end(job, { outcome: 'failed', error })
    this.dispatch()
  }

  #end(job: PendingJob, end: End): void {
    if (job.thread) this.#running -= 1
    this.#onEnd(job, end, performance.now())
  }

  /** Looks again at that time, on the clock of `performance.now()`. */
  #watch(at: number): void {
    if (at >= this.#alarmAt) return
    clearTimeout(this.#alarm)
    this.#alarmAt = at
    const waitMs = Math.min(longestMs, Math.max(1, Math.ceil(at - performance.now())))
    this.#alarm = setTimeout(() => this.#look(), waitMs).unref()
  }

  /** Ends overdue jobs, replaces what is missing, lets go what is idle. */
  #look(): void {
    const now = performance.now()
    this.#alarmAt = Infinity
    const jobs = this.#threads?.jobs() ?? []
    for (const job of jobs)
      if (job.overdueAt <= now) this.giveUp(job, 'timed_out', failure.tookTooLong(job))
    this.#spare = jobs.some((job) => !job.hasEnded && job.startedAt + longMs <= now) ? 1 : 0
    this.dispatch()
    if (this.#queue.size + this.#running === 0) this.#release()
    this.#threads?.retire(this.#needed, now - this.#options.idleTimeoutMs)
    this.#watch(this.#nextLookAt())
  }

  #release(): void {
    clearInterval(this.#hold)
    this.#hold = undefined
  }

  /** Threads that are to stay though they are idle. */
  get #needed(): number {
    return Math.max(this.#options.minWorkers, this.#running + this.#spare)
  }

  /** When something is due; never when there is nothing to look after. */
  #nextLookAt(): number {
    const { idleTimeoutMs, healthCheckIntervalMs } = this.#options
    const now = performance.now()
    let at = this.#queue.size + this.#running > 0 ? now + healthCheckIntervalMs : Infinity
    if (this.#threads && this.#threads.count > this.#needed)
      at = Math.min(at, now + Math.max(1, idleTimeoutMs))
    for (const { startedAt, overdueAt } of this.#threads?.jobs() ?? []) {
      const longAt = startedAt + longMs
      at = Math.min(at, overdueAt, longAt > now ? longAt : Infinity)
    }
    return at
  }
}
