import { Piscina } from 'piscina'
import { entryFile } from '../entry.ts'
import type { Answer } from './job.ts'
import type { PendingJob } from './pending-job.ts'
import type { PoolOptions } from './pool-options.ts'
import type { Session } from './thread.ts'
import type { Face } from './worker-thread.ts'
import { WorkerThread } from './worker-thread.ts'

/** `thread`: null for one that was not up yet. */
type Death = { thread: PoolThread | null; cause: unknown }

/** A thread and the job it has. */
export type PoolThread = WorkerThread<PendingJob>

export type ThreadEvents = {
  /** There is an idle thread more. */
  ready(): void
  answered(thread: PoolThread, answer: Answer): void
  /** A thread died, which `error` is the reason of; what it has answered was told before. */
  died(thread: PoolThread, error: unknown): void
  /** A thread died before it was up. */
  stillborn(error: unknown): void
}

/**
 * Worker threads under piscina, which starts them, limits them, notices their deaths and ends them. Jobs
 * go to them over lines of our own: piscina's queue forgets order and limits where there are abort
 * signals, and its tasks cost more than a short job.
 */
export class Threads {
  readonly #piscina: Piscina<Session | null, void>
  readonly #live = new Set<PoolThread>()
  readonly #ended: PoolThread[] = []
  readonly #idle: PoolThread[] = []
  readonly #events: ThreadEvents
  /** Which one piscina is to choose. */
  #chosen: PoolThread | null = null
  /** The last there was; what piscina tells next is its cause. */
  #death: Death = { thread: null, cause: null }
  #isClosing = false
  /** One goes because it was told to. */
  #isEnding = false
  /** How many died or were ended before their time. */
  lost = 0
  busyCount = 0

  constructor(options: PoolOptions, events: ThreadEvents) {
    this.#events = events
    this.#piscina = new Piscina<Session | null, void>({
      filename: entryFile('pool/thread', 'pool/thread'),
      name: 'serve',
      minThreads: options.minWorkers,
      // One may stand by, so that nothing waits for the successor of a thread that was ended.
      maxThreads: options.maxWorkers + 1,
      idleTimeout: Infinity,
      resourceLimits: options.resourceLimits,
      // Not even as a copy of its own: Node refuses some options that it would hand on by itself.
      ...(options.execArgv ? { execArgv: [...options.execArgv] } : {}),
      // Else a thread would wait for piscina alone.
      atomics: 'disabled',
      recordTiming: false,
      loadBalancer: (_task) => (this.#chosen?.face ?? null) as never,
    })
    this.#piscina.on('workerCreate', (face: Face) => this.#up(face))
    this.#piscina.on('workerDestroy', () => this.#down())
    this.#piscina.on('error', (error: unknown) => {
      this.#death.cause = error
    })
  }

  /** Those that are up. */
  get count(): number {
    return this.#live.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get live(): Iterable<PoolThread> {
    return this.#live
  }

  /** Those that are up, then those that died and are not yet replaced. */
  get all(): PoolThread[] {
    return [...this.#live, ...this.#ended]
  }

  /** The jobs that run now. */
  jobs(): PendingJob[] {
    return [...this.#live].flatMap((thread) => thread.jobs[0] ?? [])
  }

  /** Sees to it that there are `wanted` threads. */
  grow(wanted: number): void {
    if (this.#live.size >= wanted || this.#isClosing) return
    try {
      // piscina adds a thread for work that it cannot place; this is withdrawn at once.
      for (let missing = wanted - this.#piscina.threads.length; missing > 0; missing -= 1)
        this.#withdrawn(null)
    } catch (error) {
      queueMicrotask(() => this.#events.stillborn(error))
    }
  }

  /** Sends a job to an idle thread, the one that worked last. Throws what cannot be handed over. */
  start(job: PendingJob, now: number): void {
    const thread = this.#idle.at(-1)!
    this.send(job, thread)
    this.#idle.pop()
    thread.status = 'busy'
    thread.lastSeenAt = job.startedAt = now
    this.busyCount += 1
  }

  /** Sends a job to a thread, ahead of the time when it can begin. Throws as `start`. */
  send(job: PendingJob, thread: PoolThread): void {
    thread.order(job)
    job.thread = thread
  }

  /** Takes back jobs that have not begun, the last first, while `may` says so. */
  takeBack(thread: PoolThread, may: (job: PendingJob) => boolean): PendingJob[] {
    const back = thread.takeBack(may)
    for (const job of back) {
      job.thread = null
      job.startedAt = Infinity
    }
    this.rest(thread)
    return back
  }

  /** The first job of a thread has ended: it is at the next one, or idle. */
  next(thread: PoolThread, now: number): PendingJob {
    const ended = thread.jobs.shift()!
    thread.jobsProcessed += 1
    thread.lastSeenAt = now
    const [next] = thread.jobs
    if (next) next.startedAt = now
    this.rest(thread)
    return ended
  }

  /** A thread without a job is idle. */
  rest(thread: PoolThread): void {
    if (thread.status !== 'busy' || thread.jobs.length > 0) return
    thread.status = 'idle'
    this.busyCount -= 1
    this.#idle.push(thread)
  }

  /** Tells of all answers that have come from a thread. */
  hear(thread: PoolThread): void {
    for (let answer = thread.takeAnswer(); answer; answer = thread.takeAnswer())
      this.#events.answered(thread, answer)
  }

  /** Ends a thread at its job, whatever it does. */
  end(thread: PoolThread, why: string): void {
    thread.lastError = why
    thread.jobs.length = 0
    this.#lose(thread)
    thread.hangUp()
    this.#withdrawn(thread)
  }

  /** Lets go of threads that have had nothing to do since then, but keeps `least`. */
  retire(least: number, since: number): void {
    for (const thread of this.#idle.filter((idle) => idle.lastSeenAt <= since)) {
      if (this.#live.size <= least) return
      this.#idle.splice(this.#idle.indexOf(thread), 1)
      this.#live.delete(thread)
      thread.hangUp()
      this.#withdrawn(thread)
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#idle.length = 0
    await this.#piscina.destroy()
    for (const thread of this.#live) {
      thread.status = 'stopped'
      thread.hangUp()
    }
  }

  /** piscina ends a thread whose work is withdrawn. */
  #withdrawn(thread: PoolThread | null): void {
    const listeners: (() => void)[] = []
    const off = () => {}
    const once = (_event: 'abort', listener: () => void) => void listeners.push(listener)
    const signal = { once, off, removeListener: off }
    void this.#choose(thread, () => this.#piscina.run(null, { signal }).catch(() => {}))
    this.#isEnding = true
    for (const abort of listeners) abort()
    this.#isEnding = false
  }

  #choose<T>(thread: PoolThread | null, act: () => T): T {
    this.#chosen = thread
    try {
      return act()
    } finally {
      this.#chosen = null
    }
  }

  #up(face: Face): void {
    const thread: PoolThread = new WorkerThread(face, (from, answer) => this.#heard(from, answer))
    const { session } = thread
    const how = { transferList: [session.port] as never }
    void this.#choose(thread, () => this.#piscina.run(session, how).catch(() => {}))
    this.#live.add(thread)
    this.#ended.shift()
    this.#idle.push(thread)
    const worker = this.#piscina.threads.find(({ threadId }) => threadId === face.id)
    worker?.once('exit', (code) => {
      if (this.#death.thread === thread)
        this.#death.cause ??= new Error(`it ended with code ${code}`)
    })
    this.#events.ready()
  }

  /** Where one has answered, others may have too: that saves an event for each. */
  #heard(from: PoolThread, first: Answer): void {
    this.#events.answered(from, first)
    for (const thread of this.#live) if (thread.jobs.length > 0) this.hear(thread)
  }

  /**
   * piscina tells that one is gone, but no longer which; what it died of is told right after. Others may
   * die before we go on: each is taken from the living at once.
   */
  #down(): void {
    if (this.#isClosing || this.#isEnding) return
    const thread = [...this.#live].find(({ face }) => face.destroyed) ?? null
    if (thread) this.#lose(thread)
    const death: Death = { thread, cause: null }
    this.#death = death
    queueMicrotask(() => {
      const error = death.cause ?? new Error('it ended before it was up')
      if (thread) this.#bury(thread, error)
      else if (!this.#isClosing) this.#events.stillborn(error)
    })
  }

  #bury(thread: PoolThread, error: unknown): void {
    // It may have done some of its work before it died.
    for (let answer = thread.takeLastAnswer(); answer; answer = thread.takeLastAnswer())
      this.#events.answered(thread, answer)
    thread.hangUp()
    this.#events.died(thread, error)
  }

  #lose(thread: PoolThread): void {
    if (thread.status === 'busy') this.busyCount -= 1
    thread.status = 'failed'
    this.#live.delete(thread)
    const index = this.#idle.indexOf(thread)
    if (index >= 0) this.#idle.splice(index, 1)
    this.lost += 1
    this.#ended.push(thread)
  }
}
