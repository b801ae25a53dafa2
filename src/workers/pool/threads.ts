import { Piscina } from 'piscina'
import { entryFile } from '../entry.ts'
import type { Job, ThreadOrder } from './job.ts'
import type { JobFunction } from './job-functions.ts'
import type { PendingJob } from './pending-job.ts'
import type { PoolOptions } from './pool-options.ts'
import type { Face } from './worker-thread.ts'
import { KillSwitch, Thread } from './worker-thread.ts'

/** A thread and the job it has. */
export type PoolThread = Thread<PendingJob>

export type ThreadEvents = {
  /** There is an idle thread more. */
  ready(): void
  /** A thread died before it was up. */
  stillborn(error: unknown): void
}

/**
 * Worker threads under piscina. Which thread runs what is decided here, before piscina is asked, so
 * that its own queue is never used: with abort signals that forgets order and limits.
 */
export class Threads {
  readonly #piscina: Piscina<ThreadOrder | number | null, unknown>
  readonly #live = new Set<PoolThread>()
  readonly #ended: PoolThread[] = []
  readonly #idle: PoolThread[] = []
  readonly #events: ThreadEvents
  #chosen: PoolThread | null = null
  #lastError: unknown = new Error('it ended before it was up')
  #isClosing = false
  /** How many died or were ended before their time. */
  lost = 0

  constructor(options: PoolOptions, events: ThreadEvents) {
    this.#events = events
    this.#piscina = new Piscina<ThreadOrder | number | null, unknown>({
      filename: entryFile('pool/thread', 'pool/thread'),
      name: 'runJob',
      minThreads: options.minWorkers,
      // One stands by, so that nothing waits for the successor of a thread that was ended.
      maxThreads: options.maxWorkers + 1,
      // Idle threads are let go by `retire`: piscina would set a timer for every job.
      idleTimeout: Infinity,
      resourceLimits: options.resourceLimits,
      // Not even as a copy of its own: Node refuses some options that it would hand on by itself.
      ...(options.execArgv ? { execArgv: [...options.execArgv] } : {}),
      recordTiming: false,
      loadBalancer: (_task) => (this.#chosen?.face ?? null) as never,
    })
    this.#piscina.on('workerCreate', (face: Face) => this.#up(face))
    this.#piscina.on('workerDestroy', () => this.#down())
    this.#piscina.on('error', (error: unknown) => {
      this.#lastError = error
    })
  }

  /** Those that are up. */
  get count(): number {
    return this.#live.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  /** Those that are up, then those that died and are not yet replaced. */
  get all(): PoolThread[] {
    return [...this.#live, ...this.#ended]
  }

  /** The jobs that run now. */
  jobs(): PendingJob[] {
    return [...this.#live].flatMap((thread) => thread.job ?? [])
  }

  /** Sees to it that there are `wanted` threads. */
  grow(wanted: number): void {
    if (this.#live.size >= wanted || this.#isClosing) return
    try {
      for (let missing = wanted - this.#piscina.threads.length; missing > 0; missing -= 1) {
        // piscina adds a thread for work that it cannot place; this is withdrawn at once.
        const withdraw = new KillSwitch()
        this.#piscina.run(null, { signal: withdraw }).catch(() => {})
        withdraw.pull()
      }
    } catch (error) {
      queueMicrotask(() => this.#events.stillborn(error))
    }
  }

  /** An idle thread for a job, the one that worked last. */
  take(job: PendingJob, now: number): PoolThread | undefined {
    const thread = this.#idle.pop()
    if (!thread) return undefined
    thread.status = 'busy'
    thread.job = job
    thread.lastSeenAt = now
    return thread
  }

  /** Calls a function on a thread that was taken; rejects when it throws, dies or is killed. */
  run(thread: PoolThread, { number, module, name }: JobFunction, job: Job): Promise<unknown> {
    const isKnown = thread.known[number]
    const { data, transfer, moveResult } = job
    if (isKnown && data === undefined && !moveResult) return this.#post(thread, number)
    const order: ThreadOrder = { run: number, data }
    if (!isKnown) order.at = { module, name }
    if (moveResult) order.moves = true
    return this.#post(thread, order, transfer)
  }

  /** The job of a thread has ended: it may have another. */
  free(thread: PoolThread, now: number): void {
    thread.job = null
    thread.jobsProcessed += 1
    thread.lastSeenAt = now
    if (thread.status !== 'busy') return
    thread.status = 'idle'
    this.#idle.push(thread)
  }

  /** Ends a busy thread, whatever it does. */
  end(thread: PoolThread, why: string): void {
    thread.lastError = why
    thread.kill.pull()
  }

  /** Lets go of threads that have had nothing to do since then, but keeps `least`. */
  retire(least: number, since: number): void {
    for (const thread of this.#idle.filter((idle) => idle.lastSeenAt <= since)) {
      if (this.#live.size <= least) return
      // piscina ends a thread with the work on it that is withdrawn.
      this.#post(thread, null).catch(() => {})
      thread.kill.pull()
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#idle.length = 0
    await this.#piscina.destroy()
    for (const thread of this.#live) thread.status = 'stopped'
  }

  #post(
    thread: PoolThread,
    order: ThreadOrder | number | null,
    transfer?: readonly unknown[],
  ): Promise<unknown> {
    this.#chosen = thread
    try {
      const how = transfer ? { ...thread.how, transferList: transfer as never } : thread.how
      return this.#piscina.run(order, how)
    } finally {
      this.#chosen = null
    }
  }

  #up(face: Face): void {
    const thread = new Thread<PendingJob>(face)
    this.#live.add(thread)
    this.#ended.shift()
    this.#idle.push(thread)
    this.#events.ready()
  }

  /** piscina tells that one is gone, but no longer which. */
  #down(): void {
    if (this.#isClosing) return
    const gone = [...this.#live].find((thread) => thread.face.destroyed)
    if (!gone) {
      // What it died of is told right after.
      queueMicrotask(() => this.#events.stillborn(this.#lastError))
      return
    }
    this.#live.delete(gone)
    const index = this.#idle.indexOf(gone)
    if (index >= 0) this.#idle.splice(index, 1)
    // An idle one had nothing to do for too long.
    if (gone.status !== 'busy') return
    gone.status = 'failed'
    this.lost += 1
    this.#ended.push(gone)
  }
}
