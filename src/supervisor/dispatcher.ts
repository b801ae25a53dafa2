import type { Candidate, Store } from './domain/ports.ts'
import type { Task, TaskId } from './domain/task.ts'
import type { Clock } from './domain/time.ts'
import { failpoint } from './failpoint/failpoint.ts'

// A store that cannot write now, as on a full disk, is asked again after growing waits.
const retryMs = { first: 250, longest: 8000 }

/** What the dispatcher needs of the squad. */
export type Floor = {
  /** Agents that may take a task now. */
  free(): Candidate[]
  choose(task: Task, eligible: readonly Candidate[]): string | null
  assign(task: Task): void
  /** What was chosen is stored, or could not be. */
  written(isCommitted: boolean): void
  /** The attempt has had its time. */
  overdue(task: Task): void
  /** Nothing more can be given out now: is a critical task left? */
  exhausted(): void
}

/**
 * Brings ready tasks to free agents. It sleeps until something changes: `wake` after a task was
 * stored or an agent became free, its own timers for delayed tasks and for time limits.
 */
export class Dispatcher {
  readonly #store: Store
  readonly #clock: Clock
  readonly #floor: Floor
  readonly #limit: () => number
  readonly #onError: (error: unknown) => void
  /** Running tasks, each with its agent and what cancels its time limit. */
  readonly #running = new Map<TaskId, { agent: string | null; cancel: () => void }>()
  #cancelDue = () => {}
  #cancelRetry = () => {}
  #retryMs = retryMs.first
  #claiming = false
  #again = false
  #stopped = true

  constructor(
    store: Store,
    clock: Clock,
    floor: Floor,
    limit: () => number,
    onError: (error: unknown) => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#floor = floor
    this.#limit = limit
    this.#onError = onError
  }

  /** Agents that the store calls busy. */
  get busyAgents(): ReadonlySet<string | null> {
    return new Set([...this.#running.values()].map(({ agent }) => agent))
  }

  start(): void {
    this.#stopped = false
    this.due()
    this.wake()
  }

  /** Claims nothing more; running attempts and their time limits go on. */
  stop(): void {
    this.#stopped = true
    this.#cancelDue()
    this.#cancelRetry()
  }

  /** Forgets all timers. */
  close(): void {
    this.stop()
    for (const { cancel } of this.#running.values()) cancel()
    this.#running.clear()
  }

  /** An attempt is under way: counts it and watches its time limit. */
  track(task: Task): void {
    this.#running.get(task.id)?.cancel()
    const { timeoutMs } = task.spec
    const left = (task.startedAt ?? this.#clock.now()) + timeoutMs - this.#clock.now()
    const cancel =
      timeoutMs > 0 ? this.#clock.after(left, () => this.#floor.overdue(task)) : () => {}
    this.#running.set(task.id, { agent: task.agent, cancel })
  }

  /** The attempt is recorded. */
  untrack(id: TaskId): void {
    this.#running.get(id)?.cancel()
    this.#running.delete(id)
  }

  /** Something may be ready for someone. Claims in the same commit as what was just stored. */
  wake(): void {
    if (this.#stopped) return
    if (this.#claiming) {
      this.#again = true
      return
    }
    const candidates = this.#floor.free()
    const room = this.#limit() - this.#running.size
    if (candidates.length === 0 || room <= 0) return this.#floor.exhausted()
    this.#claiming = true
    failpoint('dispatch.before_claim')
    const now = this.#clock.now()
    const choose = this.#floor.choose.bind(this.#floor)
    this.#store
      .claim(candidates, choose, room, now)
      .then(
        (tasks) => {
          failpoint('dispatch.after_claim')
          this.#retryMs = retryMs.first
          this.#given(tasks)
          if (!this.#again) this.#floor.exhausted()
        },
        (error: unknown) => this.#failed(error, () => this.#given(this.#unknown())),
      )
      .finally(() => {
        this.#claiming = false
        if (!this.#again) return
        this.#again = false
        this.wake()
      })
  }

  /** Tasks may be ready or delayed now: makes due ones ready, sets the timer for the next, wakes. */
  due(): void {
    if (this.#stopped) return
    this.#cancelDue()
    this.#store.promote(this.#clock.now()).then(
      (nextAt) => {
        if (this.#stopped) return
        if (nextAt !== null)
          this.#cancelDue = this.#clock.after(nextAt - this.#clock.now(), () => this.due())
        this.wake()
      },
      (error: unknown) => this.#failed(error),
    )
  }

  #given(tasks: readonly Task[]): void {
    this.#floor.written(tasks.length > 0)
    for (const task of tasks) {
      this.track(task)
      this.#floor.assign(task)
      failpoint('dispatch.after_assign')
    }
  }

  /** Claimed by a write that was done and yet answered with an error. */
  #unknown(): Task[] {
    const running = this.#store.tasks({ state: 'running', limit: Number.MAX_SAFE_INTEGER })
    return running.filter((task) => !this.#running.has(task.id))
  }

  /** The store failed: what it did all the same counts, and it is asked again later. */
  #failed(error: unknown, follow = () => {}): void {
    this.#onError(error)
    try {
      follow()
    } catch (unreadable) {
      this.#floor.written(false)
      this.#onError(unreadable)
    }
    if (this.#stopped) return
    this.#cancelRetry()
    this.#cancelRetry = this.#clock.after(this.#retryMs, () => this.due())
    this.#retryMs = Math.min(2 * this.#retryMs, retryMs.longest)
  }
}
