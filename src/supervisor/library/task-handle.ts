import type { Task, TaskId, TaskResult } from '../domain/task.ts'
import { systemClock } from '../domain/time.ts'
import { keepAlive } from './keep-alive.ts'
import type { Workplace } from './workplace.ts'

/** A task that an orchestrator has taken. After a shutdown every call throws SQUADD_SHUTTING_DOWN. */
export type TaskHandle = {
  readonly id: TaskId
  /**
   * Resolves when the task has ended, with success or without; also when only a person can say how
   * it goes on (`task().state` is `held`): then `success` is false and `error` says why. Rejects
   * with SQUADD_SHUTTING_DOWN when the orchestrator ends before. The process stays alive for it from
   * the moment on at which it is read.
   */
  readonly result: Promise<TaskResult>
  /** The task as it is now. */
  task(): Task
  /**
   * Takes it out of the queue, or has its program interrupted: `result` follows. Throws
   * SQUADD_CONFLICT when it has completed or failed.
   */
  cancel(): Promise<void>
  /** A held task goes on, and `result` is a new promise. Throws SQUADD_CONFLICT when it is not held. */
  release(): Promise<void>
}

export function taskHandle(id: TaskId, place: Workplace): TaskHandle {
  const watch = () => {
    const settled = place.settled(id).then(resultOf)
    // Nobody has to ask for it.
    settled.catch(() => {})
    return settled
  }
  let settled = watch()
  let asked: Promise<TaskResult> | null = null
  return {
    id,
    get result() {
      if (asked) return asked
      asked = keepAlive(settled)
      asked.catch(() => {})
      return asked
    },
    task: () => place.read(() => place.squad.task(id)),
    async cancel() {
      await place.read(() => keepAlive(place.squad.cancelTask(id)))
    },
    async release() {
      await place.change(() => place.squad.releaseTask(id))
      settled = watch()
      asked = null
    },
  }
}

/** A task that was cancelled or held before it ran has no result of its own. */
export function resultOf(task: Task): TaskResult {
  const at = task.endedAt ?? systemClock.now()
  const reason = task.reason ?? `it is ${task.state}`
  return (
    task.result ?? {
      success: false,
      output: '',
      error: reason,
      durationMs: 0,
      completedAt: at,
      evidence: [{ source: 'queue', at, detail: reason }],
      usage: null,
      git: null,
    }
  )
}
