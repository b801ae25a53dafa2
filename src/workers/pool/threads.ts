import { Piscina } from 'piscina'
import { entryFile } from '../entry.ts'
import type { ThreadOrder } from './job.ts'
import type { PoolOptions } from './pool-options.ts'

/** piscina's view of one of its workers. */
type Face = { readonly id: number; readonly destroyed: boolean }

export type WorkerStatus = 'idle' | 'busy' | 'failed' | 'stopped'

/** A worker thread from when it is up. */
export class Thread {
  readonly id: number
  readonly face: Face
  readonly kill = new KillSwitch()
  status: WorkerStatus = 'idle'
  jobId: string | null = null
  jobsProcessed = 0
  lastError: string | null = null
  /** When it last came up, took up a job or ended one, ms since 1970. */
  lastHeartbeatAt = Date.now()

  constructor(face: Face) {
    this.id = face.id
    this.face = face
  }

  get isAlive(): boolean {
    return this.status === 'idle' || this.status === 'busy'
  }
}

/** What piscina takes for an abort signal; costs nothing, and a thread needs only one. */
class KillSwitch {
  #listener: (() => void) | undefined
  once(_event: 'abort', listener: () => void): void {
    this.#listener = listener
  }
  off(): void {
    this.#listener = undefined
  }
  removeListener(): void {
    this.#listener = undefined
  }
  pull(): void {
    this.#listener?.()
  }
}

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
  readonly #piscina: Piscina<ThreadOrder | null, unknown>
  readonly #live = new Set<Thread>()
  readonly #ended: Thread[] = []
  readonly #idle: Thread[] = []
  readonly #events: ThreadEvents
  #chosen: Thread | null = null
  #lastError: unknown = new Error('it ended before it was up')
  #isClosing = false
  /** How many died or were ended before their time. */
  lost = 0

  constructor(options: PoolOptions, events: ThreadEvents) {
    this.#events = events
    this.#piscina = new Piscina<ThreadOrder | null, unknown>({
      filename: entryFile('pool/thread', 'pool/thread'),
      name: 'runJob',
      minThreads: options.minWorkers,
      // One stands by, so that nothing waits for the successor of a thread that was ended.
      maxThreads: options.maxWorkers + 1,
      idleTimeout: options.idleTimeoutMs,
      resourceLimits: options.resourceLimits,
      recordTiming: false,
      loadBalancer: (_task) => (this.#chosen?.face ?? null) as never,
    })
    this.#piscina.on('workerCreate', (face: Face) => this.#up(face))
    this.#piscina.on('workerDestroy', () => this.#down())
    this.#piscina.on('error', (error: unknown) => {
      this.#lastError = error
    })
  }

  get idleCount(): number {
    return this.#idle.length
  }

  /** Those that are up, then those that died and are not yet replaced. */
  get all(): Thread[] {
    return [...this.#live, ...this.#ended]
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
  take(jobId: string): Thread | undefined {
    const thread = this.#idle.pop()
    if (!thread) return undefined
    thread.status = 'busy'
    thread.jobId = jobId
    thread.lastHeartbeatAt = Date.now()
    return thread
  }

  /** Runs on a thread that was taken; rejects when it throws, dies or is killed. */
  run(thread: Thread, order: ThreadOrder, transfer: readonly unknown[]): Promise<unknown> {
    this.#chosen = thread
    try {
      return this.#piscina.run(order, { signal: thread.kill, transferList: transfer as never })
    } finally {
      this.#chosen = null
    }
  }

  /** The job of a thread has ended: it may have another. */
  free(thread: Thread): void {
    thread.jobId = null
    thread.jobsProcessed += 1
    thread.lastHeartbeatAt = Date.now()
    if (thread.status !== 'busy') return
    thread.status = 'idle'
    this.#idle.push(thread)
  }

  /** Ends a busy thread, whatever it does. */
  end(thread: Thread, why: string): void {
    thread.lastError = why
    thread.kill.pull()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#piscina.destroy()
    for (const thread of this.#live) thread.status = 'stopped'
  }

  #up(face: Face): void {
    const thread = new Thread(face)
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
