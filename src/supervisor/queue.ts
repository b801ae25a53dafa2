import { SquadError } from './domain/error.ts'
import type { Recorded, Verdict } from './domain/message.ts'
import { parseAttemptKey } from './domain/message.ts'
import type { Store } from './domain/ports.ts'
import type { Task, TaskId, TaskInput } from './domain/task.ts'
import type { TaskLimits } from './domain/create-task.ts'
import { createTask } from './domain/create-task.ts'
import { isSettled } from './domain/task.ts'
import type { Clock, Random } from './domain/time.ts'
import type { EventLog } from './event-log.ts'
import { withinCaps } from './policy/caps.ts'
import { settle } from './policy/settle.ts'

const retryRecordMs = 500

/** The durable queue as its users see it: tasks go in, and end once. */
export class TaskQueue {
  readonly #store: Store
  readonly #clock: Clock
  readonly #random: Random
  readonly #limits: () => TaskLimits
  readonly #waiters = new Map<TaskId, Set<(task: Task) => void>>()

  constructor(store: Store, log: EventLog, clock: Clock, random: Random, limits: () => TaskLimits) {
    this.#store = store
    this.#clock = clock
    this.#random = random
    this.#limits = limits
    log.listen((event) => {
      if (event.taskId !== undefined) this.#tell(event.taskId)
    })
  }

  /** Checks and stores all tasks or none. An error of a batch says which (`data.index`). */
  submit(inputs: readonly TaskInput[]): Promise<Task[]> {
    const specs = inputs.map((input, index) => {
      try {
        return createTask(input, this.#limits())
      } catch (error) {
        if (!(error instanceof SquadError)) throw error
        throw new SquadError(error.code, error.message, { ...error.data, hint: '', index })
      }
    })
    return this.#store.enqueue(specs, this.#clock.now())
  }

  /**
   * Records how an attempt ended. A store that cannot write now (a full disk) is asked again until
   * it can: a verdict is never dropped. A write that was done and yet failed counts as done.
   */
  async record(verdict: Verdict): Promise<Recorded> {
    for (let hasFailed = false; ; hasFailed = true) {
      try {
        const now = this.#clock.now()
        const answer = await this.#store.record(
          verdict,
          (task) => withinCaps(task, verdict, settle(task, verdict, now, this.#random)),
          now,
        )
        return hasFailed && answer === 'already' ? 'recorded' : answer
      } catch (error) {
        if (!(error instanceof SquadError) || error.code !== 'SQUADD_STORE_FAILED') throw error
        await new Promise<void>((resolve) => this.#clock.after(retryRecordMs, resolve))
      }
    }
  }

  /** An attempt nobody will ever hear of again: it may have run to its end. */
  recordLost(task: Task, reason: string): Promise<Recorded> {
    const at = this.#clock.now()
    return this.record({
      key: `${task.id}-${task.fence}`,
      outcome: 'unknown',
      cause: null,
      reason,
      startedAt: task.startedAt,
      endedAt: at,
      leaseExpired: true,
      result: {
        success: false,
        output: '',
        error: reason,
        durationMs: at - (task.startedAt ?? at),
        completedAt: at,
        evidence: [{ source: 'supervisor', at, detail: reason }],
        usage: null,
        git: null,
      },
    })
  }

  /** The task of a verdict. */
  taskOf(verdict: Verdict): TaskId | null {
    return parseAttemptKey(verdict.key)?.taskId ?? null
  }

  /** Resolves when `done` holds for the task. Throws SQUADD_NOT_FOUND, SQUADD_TIMEOUT. */
  wait(
    id: TaskId,
    { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
    done: (task: Task) => boolean = (task) => isSettled(task.state),
  ): Promise<Task> {
    const now = this.#store.task(id)
    if (done(now)) return Promise.resolve(now)
    return new Promise((resolve, reject) => {
      const cancels: (() => void)[] = []
      const leave = () => {
        for (const cancel of cancels) cancel()
        const all = this.#waiters.get(id)
        all?.delete(look)
        if (all?.size === 0) this.#waiters.delete(id)
      }
      const look = (task: Task) => {
        if (!done(task)) return
        leave()
        resolve(task)
      }
      const giveUp = (error: SquadError) => (leave(), reject(error))
      this.#waiters.set(id, (this.#waiters.get(id) ?? new Set()).add(look))
      if (timeoutMs !== undefined)
        cancels.push(this.#clock.after(timeoutMs, () => giveUp(late(id, timeoutMs))))
      const abort = () => giveUp(new SquadError('SQUADD_TIMEOUT', `waiting for ${id} was given up`))
      signal?.addEventListener('abort', abort, { once: true })
      cancels.push(() => signal?.removeEventListener('abort', abort))
    })
  }

  #tell(id: TaskId): void {
    const waiters = this.#waiters.get(id)
    if (!waiters) return
    const task = this.#store.task(id)
    for (const look of waiters) look(task)
  }
}

function late(id: TaskId, timeoutMs: number): SquadError {
  return new SquadError('SQUADD_TIMEOUT', `task ${id} has not ended after ${timeoutMs} ms`)
}
