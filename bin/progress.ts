import type { Client } from '../src/supervisor/api/client.ts'
import type { EventType } from '../src/supervisor/domain/event.ts'
import type { TaskState } from '../src/supervisor/domain/task.ts'
import { endedStates, taskStates } from '../src/supervisor/domain/task.ts'

export type Progress = Partial<Record<TaskState, number>>

/** Long enough to be read, short enough for one line: `3 of 12 done · 2 running · 1 failed · 00:42`. */
export function progressLine(states: Progress, elapsedMs: number): string {
  const count = (...names: TaskState[]) => names.reduce((sum, name) => sum + (states[name] ?? 0), 0)
  const total = count(...taskStates)
  const done = count(...endedStates, 'held')
  const parts = [
    `${done} of ${total} done`,
    ...(['running', 'failed', 'cancelled', 'held'] as const)
      .filter((name) => states[name])
      .map((name) => `${states[name]} ${name}`),
    clock(elapsedMs),
  ]
  return parts.join(' · ')
}

/** `00:42`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (number: number) => String(number).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

const tickMs = 1000

/**
 * One line on stderr that is written over and over, where a person looks on; elsewhere nothing. What
 * is said meanwhile goes through `aside`, so that it stands on a line of its own.
 */
export class ProgressLine {
  readonly #text: (elapsedMs: number) => string
  readonly isShown: boolean
  readonly #begunAt = Date.now()
  readonly #timer: NodeJS.Timeout | undefined
  #shown = ''

  constructor(text: (elapsedMs: number) => string, { quiet = false } = {}) {
    this.#text = text
    this.isShown = !quiet && process.stderr.isTTY === true
    if (this.isShown) this.#timer = setInterval(() => this.update(), tickMs)
    this.update()
  }

  update(): void {
    if (!this.isShown) return
    const columns = process.stderr.columns || 80
    const text = this.#text(Date.now() - this.#begunAt).slice(0, columns - 1)
    if (text === this.#shown) return
    this.#shown = text
    process.stderr.write(`\r${text}\u001b[K`)
  }

  /** Does what writes elsewhere while the line is away. */
  aside(write: () => void): void {
    this.#clear()
    write()
    this.update()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  #clear(): void {
    if (!this.isShown || this.#shown === '') return
    this.#shown = ''
    process.stderr.write('\r\u001b[K')
  }
}

/** What a task's state is after an event. */
const stateAfter: Partial<Record<EventType, TaskState>> = {
  TaskStarted: 'running',
  TaskRetried: 'ready',
  TaskReleased: 'ready',
  TaskHeld: 'held',
  TaskCompleted: 'completed',
  TaskFailed: 'failed',
  TaskCancelled: 'cancelled',
}

/** How far tasks are that somebody waits for, shown until `end`. */
export class TaskProgress {
  readonly #states: Map<string, TaskState>
  readonly #line: ProgressLine
  readonly #end = new AbortController()
  /** Resolves when nothing that happens from now on is missed. */
  readonly begun: Promise<void>

  constructor(client: Client, ids: readonly string[], { quiet = false } = {}) {
    this.#states = new Map(ids.map((id) => [id, 'ready']))
    this.#line = new ProgressLine((ms) => progressLine(this.#count(), ms), { quiet })
    this.begun = this.#line.isShown ? this.#begin(client) : Promise.resolve()
  }

  /** What a task is like, as somebody has just read it, after `begun`. */
  saw(id: string, state: TaskState): void {
    this.#moved(id, state)
  }

  /** A task has come to its end: says so beside the line. */
  settled(id: string, state: TaskState, write: () => void): void {
    this.#states.set(id, state)
    this.#line.aside(write)
  }

  end(): void {
    this.#end.abort()
    this.#line.end()
  }

  /** The wait itself finds out what is wrong: this is only shown. */
  async #begin(client: Client): Promise<void> {
    try {
      const { lastEvent } = await client.call('status', {}, { signal: this.#end.signal })
      this.#follow(client, lastEvent).catch(() => {})
    } catch {
      // Then it stays as it was.
    }
  }

  async #follow(client: Client, since: number): Promise<void> {
    const { signal } = this.#end
    for await (const { type, taskId } of client.events({ since, signal })) {
      const state = stateAfter[type]
      if (state && taskId !== undefined) this.#moved(taskId, state)
    }
  }

  #moved(id: string, state: TaskState): void {
    if (!this.#states.has(id)) return
    this.#states.set(id, state)
    this.#line.update()
  }

  #count(): Progress {
    const counts: Progress = {}
    for (const state of this.#states.values()) counts[state] = (counts[state] ?? 0) + 1
    return counts
  }
}
