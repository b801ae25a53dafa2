import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../domain/config.ts'
import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import { parseAttemptKey } from '../domain/message.ts'
import type { Store } from '../domain/ports.ts'
import { isEnded } from '../domain/task.ts'
import type { Clock } from '../domain/time.ts'
import { outputsToRemove } from '../policy/retention.ts'
import { Outputs } from './outputs.ts'

export type RetentionPorts = {
  store: Store
  clock: Clock
  /** Where the output of attempts is: `<key>.log.<n>`. */
  logsDir: string
  config: () => Pick<Config, 'outputRetentionMs' | 'outputBudgetBytes' | 'taskRetentionMs'>
  onError: (error: unknown) => void
}

// Once an attempt has ended it is looked at, but not after each of a flood.
const leastPauseMs = 60_000
// What only gets older is looked at now and then.
const longestPauseMs = 6 * 3_600_000
const ends = new Set(['TaskCompleted', 'TaskFailed', 'TaskCancelled', 'TaskRetried', 'TaskHeld'])

/**
 * Keeps output and ended tasks within their limits. It looks soon after attempts have ended, and a
 * few times a day; what belongs to a task that has not ended it never touches.
 */
export class Retention {
  readonly #ports: RetentionPorts
  readonly #outputs: Outputs
  #cancel = () => {}
  #sweeping: Promise<void> = Promise.resolve()
  #dueAt = Number.POSITIVE_INFINITY
  #sweptAt = Number.NEGATIVE_INFINITY
  #isStopped = true

  constructor(ports: RetentionPorts) {
    this.#ports = ports
    this.#outputs = new Outputs(ports.logsDir)
  }

  start(): void {
    this.#isStopped = false
    this.#ports.store.onCommitted((events) => this.#onEvents(events))
    this.#lookIn(leastPauseMs)
  }

  /** The limits have changed. */
  reconfigure(): void {
    this.#sweptAt = Number.NEGATIVE_INFINITY
    this.#lookIn(0)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#sweeping
  }

  #onEvents(events: readonly SquadEvent[]): void {
    const ended = events.filter(({ type }) => ends.has(type))
    if (ended.length === 0) return
    for (const { taskId } of ended) if (taskId !== undefined) this.#outputs.heard(taskId)
    this.#lookIn(Math.max(0, this.#sweptAt + leastPauseMs - this.#ports.clock.now()))
  }

  #lookIn(ms: number): void {
    const at = this.#ports.clock.now() + ms
    if (this.#isStopped || at >= this.#dueAt) return
    this.#cancel()
    this.#dueAt = at
    this.#cancel = this.#ports.clock.after(ms, () => {
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#sweptAt = this.#ports.clock.now()
      this.#sweeping = this.#sweeping
        .then(() => this.#sweep())
        .catch(this.#ports.onError)
        .finally(() => this.#lookIn(longestPauseMs))
    })
  }

  async #sweep(): Promise<void> {
    const { store, clock, config, logsDir } = this.#ports
    const { taskRetentionMs } = config()
    const now = clock.now()
    const tasks = taskRetentionMs > 0 ? await store.forget(now - taskRetentionMs) : 0
    if (tasks > 0) await store.append([{ type: 'TasksForgotten', data: { tasks } }], now)
    const outputs = await this.#outputs.look(now)
    const gone = outputsToRemove(outputs, config(), now, (key) => this.#hasEnded(key))
    for (const { names } of gone)
      for (const name of names) await rm(join(logsDir, name), { force: true })
    if (gone.length === 0) return
    const bytes = gone.reduce((sum, one) => sum + one.bytes, 0)
    await store.append([{ type: 'OutputsRemoved', data: { attempts: gone.length, bytes } }], now)
  }

  /** A task that was forgotten has ended too. */
  #hasEnded(key: string): boolean {
    const attempt = parseAttemptKey(key)
    if (!attempt) return false
    try {
      return isEnded(this.#ports.store.task(attempt.taskId).state)
    } catch (error) {
      if (error instanceof SquadError && error.code === 'SQUADD_NOT_FOUND') return true
      throw error
    }
  }
}
