import { resolve } from 'node:path'
import type { Assembly } from '../assembly.ts'
import { assemble } from '../assembly.ts'
import type { Config } from '../domain/config.ts'
import { SquadError } from '../domain/error.ts'
import type { Store } from '../domain/ports.ts'
import type { Task, TaskId, TaskInput } from '../domain/task.ts'
import type { Home } from '../home.ts'
import { prepareHome, resolveHome } from '../home.ts'
import type { Lock } from '../store/lock.ts'
import { takeLock } from '../store/lock.ts'
import type { Supervisor } from '../supervisor.ts'
import { version } from '../version.ts'
import { checkTaskInput } from './check-input.ts'
import { keepAlive } from './keep-alive.ts'
import { discardHome, scratchHome } from './scratch-home.ts'
import type { ShutdownReport } from './shut-down.ts'
import { shutDown } from './shut-down.ts'

export type WorkplaceOptions = {
  /** What it is called in errors. */
  name: string
  config: Config
  /** Where everything is kept. Default: a scratch home, which goes when the workplace ends. */
  home?: string
  /** The file of the queue, or `:memory:`. Default: the home's; in a scratch home `:memory:`. */
  store?: string
}

const inMemory = ':memory:'

/** A squad inside this process, from its start to its end: the daemon without API and signals. */
export class Workplace {
  readonly squad: Supervisor
  readonly store: Store
  readonly config: Config
  readonly home: Home
  readonly #heavy: Assembly['heavy']
  readonly #name: string
  readonly #isLasting: boolean
  readonly #locks: Lock[] = []
  readonly #ready: Promise<void>
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #closed = new AbortController()
  /** Homes of instances that came to work here. */
  readonly #lodgings = new Map<string, Home>()
  #ending: Promise<ShutdownReport> | null = null

  /** Throws SQUADD_BAD_CONFIG, SQUADD_ALREADY_RUNNING, SQUADD_STORE_CORRUPT; then nothing is left. */
  constructor({ name, config, home, store }: WorkplaceOptions) {
    this.#name = name
    this.config = config
    this.home = home === undefined ? scratchHome() : resolveHome({ home, env: process.env })
    const storeFile = fileOf(store ?? (home === undefined ? inMemory : this.home.storeFile))
    this.#isLasting = home !== undefined && storeFile !== inMemory
    try {
      prepareHome(this.home)
      if (home !== undefined) this.#lock(this.home.lockFile, this.home.root)
      if (storeFile !== inMemory && storeFile !== this.home.storeFile)
        this.#lock(`${storeFile}.lock`, storeFile)
      const { squad, store, heavy } = assemble({
        home: this.home,
        storeFile,
        config: () => config,
        env: process.env,
        background: true,
        endsWithSupervisor: !this.#isLasting,
        version,
        onError: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
        onHostLine: (agent, { level, message }) => {
          if (level === 'error') process.emitWarning(`agent ${agent}: ${message}`)
        },
      })
      this.squad = squad
      this.store = store
      this.#heavy = heavy
    } catch (error) {
      for (const lock of this.#locks) lock.release()
      if (home === undefined) discardHome(this.home)
      throw error
    }
    this.#ready = this.squad.start()
    // Each call asks for itself.
    this.#ready.catch(() => {})
  }

  /** A call that changes something. Refused from the beginning of a shutdown, which waits for it. */
  async change<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ending) throw this.#shutDown()
    const done = this.#ready.then(work)
    this.#underWay.add(done)
    try {
      return await keepAlive(done)
    } finally {
      this.#underWay.delete(done)
    }
  }

  /** A call that only reads. Throws SQUADD_SHUTTING_DOWN after the end of a shutdown. */
  read<T>(look: () => T): T {
    if (this.#closed.signal.aborted) throw this.#shutDown()
    return look()
  }

  /** Aborted at the end of a shutdown. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Checks and stores a task. */
  async submit(input: TaskInput): Promise<TaskId> {
    const task = checkTaskInput(input)
    const [stored] = await this.change(() => this.squad.submit([task]))
    return stored!.id
  }

  /**
   * Resolves when the task has ended or needs a person. Throws SQUADD_SHUTTING_DOWN when it has not
   * by the end of a shutdown.
   */
  async settled(id: TaskId): Promise<Task> {
    try {
      return await this.squad.waitTask(id, { signal: this.closed })
    } catch (error) {
      throw this.closed.aborted ? this.#shutDown(`task ${id} has not ended: `) : error
    }
  }

  /** An agent came with a home of its own, which is to go when it goes. */
  lodge(id: string, home: Home): void {
    this.#lodgings.set(id, home)
  }

  async remove(id: string, keepBranch: boolean): Promise<{ rescueRef: string | null }> {
    const answer = await this.squad.removeAgent(id, { keepBranch })
    const lodging = this.#lodgings.get(id)
    this.#lodgings.delete(id)
    if (lodging) discardHome(lodging)
    return answer
  }

  /** Ends everything (see shut-down.ts); asked again it answers the same. */
  shutdown(timeoutMs: number): Promise<ShutdownReport> {
    this.#ending ??= keepAlive(
      shutDown(timeoutMs, {
        squad: this.squad,
        ready: this.#ready,
        underWay: [...this.#underWay],
        stopGraceMs: this.config.stopGraceMs,
        mayStay: (id) => this.#isLasting && !this.#lodgings.has(id),
        remove: (id, keepBranch) => this.remove(id, keepBranch),
        close: () => this.#close(),
      }),
    )
    return this.#ending
  }

  async #close(): Promise<void> {
    try {
      // No call is under way any more.
      await this.#heavy.pool.shutdown({ timeoutMs: 0 }).catch(() => {})
      await this.store.close()
    } finally {
      this.#closed.abort()
      for (const lock of this.#locks) lock.release()
      if (!this.#isLasting) discardHome(this.home)
    }
  }

  #shutDown(what = ''): SquadError {
    return new SquadError('SQUADD_SHUTTING_DOWN', `${what}${this.#name} is shut down`, {
      hint: this.#isLasting ? 'a new one on the same home goes on' : 'make a new one',
    })
  }

  #lock(file: string, what: string): void {
    const lock = takeLock(file)
    if (!lock)
      throw new SquadError('SQUADD_ALREADY_RUNNING', `a daemon or orchestrator uses ${what}`, {
        hint: 'shut it down first, or choose another home',
      })
    this.#locks.push(lock)
  }
}

const fileOf = (store: string) => (store === inMemory ? store : resolve(store))
