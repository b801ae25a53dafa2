import { longestTimerMs } from '../../supervisor/domain/time.ts'
import type { Answer, End, JobOutcome } from './job.ts'
import { namedPriorities } from './job.ts'
import { unpackError } from './job-error.ts'
import { JobQueue } from './job-queue.ts'
import type { PendingJob } from './pending-job.ts'
import * as failure from './pool-errors.ts'
import type { PoolOptions } from './pool-options.ts'
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
  /** Jobs that threads have besides the one that runs, and a priority that none of them is below. */
  #ahead = 0
  #lowestAhead = 0
  /** The thread a job is being taken from. */
  #isTaking: PoolThread | null = null
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
    return this.#queue.size + this.#ahead
  }

  get running(): number {
    return this.#threads?.busyCount ?? 0
  }

  /** There are threads from now on. */
  open(threads: Threads): void {
    this.#threads = threads
    this.dispatch()
    this.#watch(this.#nextLookAt(performance.now()))
  }

  add(job: PendingJob): void {
    if (this.#ahead > 0 && job.priority > this.#lowestAhead)
      this.#takeBackAll((other) => other.priority < job.priority)
    this.#queue.push(job)
    this.dispatch()
  }

  /** Ends a job before its time, and the thread with it when it runs. */
  giveUp(job: PendingJob, outcome: Exclude<JobOutcome, 'completed'>, error: Error): void {
    if (job.hasEnded) return
    // Past its time its thread may hang before it has even begun.
    const isStuck = outcome === 'timed_out'
    if (job.thread && !this.#takeFrom(job.thread, job, isStuck, error.message)) return
    this.#queue.remove(job)
    this.#onEnd(job, { outcome, error }, performance.now())
    this.dispatch()
  }

  /** Ends all there is; answers what that was. */
  drop(): PendingJob[] {
    this.#takeBackAll(() => true)
    const jobs = this.#threads?.jobs() ?? []
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) jobs.push(job)
    for (const job of jobs) this.giveUp(job, 'dropped', failure.droppedJob(job))
    clearTimeout(this.#alarm)
    this.#release()
    this.#alarmAt = -Infinity
    return jobs.filter((job) => job.outcome === 'dropped')
  }

  /** Starts what may start, and sees to it that there are threads for the rest. */
  dispatch(): void {
    const threads = this.#threads
    const { maxWorkers } = this.#options
    while (threads && threads.idleCount > 0 && threads.busyCount < maxWorkers) {
      if (this.#queue.size === 0 && this.#ahead > 0) this.#share()
      const job = this.#queue.shift()
      if (!job) break
      this.#run(job, threads)
    }
    const inFlight = this.queued + this.running
    const wanted = inFlight === 0 ? 0 : Math.min(inFlight, maxWorkers) + this.#spare
    if (threads && threads.count < wanted && performance.now() >= this.#pausedUntil)
      threads.grow(wanted)
    if (inFlight > 0) this.#hold ??= setInterval(() => {}, longestTimerMs)
  }

  /** A thread died before it was up. Without any, what waits is told so: it would wait for ever. */
  stillborn(error: unknown): void {
    this.#pausedUntil = performance.now() + stillbornPauseMs
    this.#watch(this.#pausedUntil)
    if (this.#threads && this.#threads.count > 0) return
    for (let job = this.#queue.shift(); job; job = this.#queue.shift())
      this.#fail(job, failure.noWorker(job.id, error))
    this.dispatch()
  }

  /** A thread has done with its first job, one way or the other. */
  answered(thread: PoolThread, answer: Answer): void {
    const [job] = thread.jobs
    const threads = this.#threads
    if (!job || !threads) return
    const now = performance.now()
    job.function.took(now - job.startedAt)
    if ('value' in answer) thread.known[job.function.number] = true
    // The thread first, then the news.
    threads.next(thread, now)
    if (thread.jobs.length > 0) {
      this.#ahead -= 1
      this.#watch(Math.min(now + longMs, thread.jobs[0]!.overdueAt))
    } else this.#watch(now + Math.max(1, this.#options.idleTimeoutMs))
    this.dispatch()
    this.#sendAhead(thread, threads)
    if ('value' in answer) this.#onEnd(job, { outcome: 'completed', value: answer.value }, now)
    else {
      const error = unpackError(answer.thrown)
      thread.lastError = String(error)
      this.#onEnd(job, { outcome: 'failed', error }, now)
    }
  }

  /** A thread died. What it had not begun goes to another. */
  died(thread: PoolThread, cause: unknown): void {
    this.#takeBack(thread, () => true)
    for (const job of thread.jobs.splice(0)) {
      const error = failure.workerDied(job.id, cause)
      thread.lastError = String(error)
      this.#fail(job, error)
    }
    this.dispatch()
  }

  #run(job: PendingJob, threads: Threads): void {
    const now = performance.now()
    try {
      threads.start(job, now)
      this.#watch(Math.min(now + longMs, job.overdueAt))
    } catch (error) {
      this.#fail(job, failure.badData(job.id, error))
    }
  }

  #fail(job: PendingJob, error: Error): void {
    this.#onEnd(job, { outcome: 'failed', error }, performance.now())
  }

  /**
   * Sends short jobs ahead to a thread that is at a short one: it need not sleep and wake for each. They
   * are taken back when something more urgent comes, the thread takes long, or another is idle.
   */
  #sendAhead(thread: PoolThread, threads: Threads): void {
    if (thread === this.#isTaking) return
    while (thread.mayHaveMore && thread.jobs[0]?.function.isShort) {
      const job = this.#queue.first
      // What is handed over could not be taken back.
      if (!job?.function.isShort || job.job.transfer) return
      this.#queue.shift()
      try {
        threads.send(job, thread)
        if (this.#ahead === 0 || job.priority < this.#lowestAhead) this.#lowestAhead = job.priority
        this.#ahead += 1
      } catch (error) {
        this.#fail(job, failure.badData(job.id, error))
      }
    }
  }

  #takeBack(thread: PoolThread, may: (job: PendingJob) => boolean): void {
    const [first] = thread.jobs
    for (const job of this.#threads?.takeBack(thread, may) ?? []) {
      if (job !== first) this.#ahead -= 1
      this.#queue.putBack(job)
    }
  }

  /** Takes back what was sent ahead, from all threads. */
  #takeBackAll(may: (job: PendingJob) => boolean): void {
    for (const thread of this.#threads?.live ?? [])
      this.#takeBack(thread, (job) => job !== thread.jobs[0] && may(job))
  }

  /** There is an idle thread: it gets half of what was sent ahead to another. */
  #share(): void {
    for (const thread of this.#threads?.live ?? []) {
      const half = thread.jobs.length >> 1
      if (half === 0) continue
      this.#takeBack(thread, () => thread.jobs.length > half)
      if (this.#queue.size > 0) return
    }
  }

  /** Takes a job from its thread, by ending that if it has begun. False: it has just ended by itself. */
  #takeFrom(thread: PoolThread, job: PendingJob, isStuck: boolean, why: string): boolean {
    // From the last one to this; nothing new is sent while this goes on.
    const mustEnd = job === thread.jobs[0] && (isStuck || !thread.hasRoom)
    let isPast = false
    this.#takeBack(thread, (other) => {
      const may = !isPast && !(mustEnd && other === job)
      isPast ||= other === job
      return may
    })
    if (job.thread === null) return true
    this.#isTaking = thread
    this.#threads?.hear(thread)
    this.#isTaking = null
    if (job.hasEnded) return false
    job.thread = null
    this.#threads?.end(thread, why)
    return true
  }

  /** Looks again at that time, on the clock of `performance.now()`. */
  #watch(at: number): void {
    if (at >= this.#alarmAt) return
    clearTimeout(this.#alarm)
    this.#alarmAt = at
    const waitMs = Math.min(longestTimerMs, Math.max(1, Math.ceil(at - performance.now())))
    this.#alarm = setTimeout(() => this.#look(), waitMs).unref()
  }

  /** Ends overdue jobs, replaces what is missing, lets go what is idle. */
  #look(): void {
    const now = performance.now()
    this.#alarmAt = Infinity
    for (const job of this.#threads?.jobs() ?? [])
      if (job.overdueAt <= now) this.giveUp(job, 'timed_out', failure.tookTooLong(job))
    this.#spare = 0
    for (const thread of this.#threads?.live ?? []) {
      const [job] = thread.jobs
      if (!job || job.startedAt + longMs > now) continue
      this.#spare = 1
      this.#takeBack(thread, (other) => other !== job)
    }
    this.dispatch()
    if (this.queued + this.running === 0) this.#release()
    this.#threads?.retire(this.#needed, now - this.#options.idleTimeoutMs)
    this.#watch(this.#nextLookAt(now))
  }

  #release(): void {
    clearInterval(this.#hold)
    this.#hold = undefined
  }

  /** Threads that are to stay though they are idle. */
  get #needed(): number {
    return Math.max(this.#options.minWorkers, this.running + this.#spare)
  }

  /** When something is due that was not at `now`; never when there is nothing to look after. */
  #nextLookAt(now: number): number {
    const { idleTimeoutMs, healthCheckIntervalMs } = this.#options
    let at = this.queued + this.running > 0 ? now + healthCheckIntervalMs : Infinity
    if (this.#threads && this.#threads.count > this.#needed)
      at = Math.min(at, now + Math.max(1, idleTimeoutMs))
    for (const { startedAt, overdueAt } of this.#threads?.jobs() ?? []) {
      const longAt = startedAt + longMs
      at = Math.min(at, overdueAt, longAt > now ? longAt : Infinity)
    }
    return at
  }
}
