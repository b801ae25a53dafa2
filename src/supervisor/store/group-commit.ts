import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import { failpoint } from '../failpoint/failpoint.ts'
import type { Connection } from './sqlite.ts'
import type { Op } from './statement.ts'
import type { Commit } from './transaction.ts'
import { flush, join, newCommit } from './transaction.ts'

/** What a write answers, and what it leaves to the end of its commit. */
export type Written<T> = { value: T; left: Commit }

/** A write, given what those before it in the same commit left. */
export type Work<T> = (earlier: Commit) => Op<Written<T>>

type Job = {
  work: Work<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

export type Listener = (events: readonly SquadEvent[]) => void

// A flood of writes is cut here, so that the event loop gets its turn.
const mostInOneCommit = 500

/**
 * The writes of one turn of the event loop share one commit, and so one sync of the disk. Each is
 * whole or nothing for itself; its promise resolves when it is durable and the listeners know.
 */
export class GroupCommit {
  readonly #connection: Connection
  readonly #listeners: Listener[] = []
  #waiting: Job[] = []
  #next: NodeJS.Immediate | undefined
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  write<T>(work: Work<T>): Promise<T> {
    if (this.#closed) return Promise.reject(shuttingDown())
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Job['resolve'], reject })
      this.#next ??= setImmediate(() => this.#turn())
    })
  }

  onCommitted(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Commits what waits; from now on every write is refused. */
  close(): void {
    this.#closed = true
    while (this.#waiting.length > 0) this.#turn()
    clearImmediate(this.#next)
  }

  #turn(): void {
    const jobs = this.#waiting.splice(0, mostInOneCommit)
    this.#next = this.#waiting.length > 0 ? setImmediate(() => this.#turn()) : undefined
    if (jobs.length === 0) return
    const commit = newCommit()
    const done: { job: Job; value: unknown }[] = []
    try {
      this.#connection.command('begin immediate')
      for (const job of jobs) {
        const work = job.work(commit)
        const written = jobs.length === 1 ? this.#connection.run(work) : this.#inside(job, work)
        if (!written) continue
        join(commit, written.left)
        done.push({ job, value: written.value })
      }
      this.#connection.run(flush(commit))
      failpoint('store.before_commit')
      this.#connection.command('commit')
    } catch (error) {
      for (const job of jobs) job.reject(error)
      if (this.#connection.inTransaction) this.#connection.command('rollback')
      return
    }
    failpoint('store.after_commit')
    this.#publish(commit.events)
    for (const { job, value } of done) job.resolve(value)
  }

  /** Runs one of several writes: when it fails, it alone is undone and refused. */
  #inside(job: Job, work: Op<Written<unknown>>): Written<unknown> | undefined {
    const connection = this.#connection
    connection.command('savepoint one')
    try {
      const written = connection.run(work)
      connection.command('release one')
      return written
    } catch (error) {
      // A full disk can take the whole transaction with it: then none of this turn is stored.
      if (!connection.inTransaction) throw error
      connection.command('rollback to one')
      connection.command('release one')
      job.reject(error)
      return undefined
    }
  }

  #publish(events: readonly SquadEvent[]): void {
    if (events.length === 0) return
    for (const listener of this.#listeners)
      try {
        listener(events)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error))
      }
  }
}

export const shuttingDown = (): SquadError =>
  new SquadError('SQUADD_SHUTTING_DOWN', 'the store is closed', {
    hint: 'start the daemon again',
  })
