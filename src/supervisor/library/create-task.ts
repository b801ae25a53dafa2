import { configTable, defaults } from '../domain/config.ts'
import type { TaskInput } from '../domain/task.ts'
import { createTask as completeTask } from '../domain/create-task.ts'
import { checkTaskInput } from './check-input.ts'

type Filled =
  | 'priority'
  | 'affinity'
  | 'affinityMode'
  | 'require'
  | 'after'
  | 'onParentFailure'
  | 'retries'
  | 'onUnknown'
  | 'preemptible'
  | 'onStall'
  | 'metadata'

/** A checked task: an orchestrator takes it, as often as it is given. */
export type CheckedTask = TaskInput & Required<Pick<TaskInput, Filled>>

// What a configuration decides is left to the orchestrator that gets the task.
const limits = { ...defaults, maxPromptBytes: configTable.maxPromptBytes.max }
const ofConfig = ['timeoutMs', 'maxAttempts'] as const

/**
 * Checks a task and fills in its defaults. `timeoutMs` and `maxAttempts` stay open when they are not
 * given: their defaults are the configuration of the orchestrator (`taskTimeoutMs`,
 * `taskMaxAttempts`). Throws SQUADD_INVALID or SQUADD_TOO_LARGE, naming the field.
 */
export function createTask(input: TaskInput): CheckedTask {
  const given = checkTaskInput(input)
  const task = completeTask(given, limits) as Record<string, unknown>
  for (const name of ofConfig) if (given[name] === undefined) delete task[name]
  const filled = Object.entries(task).filter(([, value]) => value !== null)
  return Object.fromEntries(filled) as CheckedTask
}
