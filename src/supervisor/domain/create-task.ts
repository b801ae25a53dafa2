import { invalid, SquadError } from './error.ts'
import { checkAgentName, checkLabels, isTaskId, labelPattern } from './names.ts'
import type { TaskInput, TaskSpec } from './task.ts'
import { priorities } from './task.ts'

export type TaskLimits = {
  maxPromptBytes: number
  taskTimeoutMs: number
  taskMaxAttempts: number
}

/**
 * Checks a task and fills in its defaults. Says nothing about agents or other tasks: the store
 * checks those. Throws SQUADD_INVALID or SQUADD_TOO_LARGE, naming the field.
 */
export function createTask(input: TaskInput, limits: TaskLimits): TaskSpec {
  const priority = input.priority ?? 'normal'
  if (!priorities.includes(priority))
    throw invalid('priority', priority, 'is unknown', `use ${priorities.join(', ')}`)
  const affinityMode = input.affinityMode ?? 'preferred'
  const affinity = (input.affinity ?? []).map((name) => checkAgentName(name, 'affinity'))
  if (affinityMode === 'required' && affinity.length === 0)
    throw invalid('affinity', affinity, 'is empty', 'name an agent, or drop the required mode')
  return {
    prompt: checkPrompt(input.prompt, limits.maxPromptBytes),
    priority,
    affinity: [...new Set(affinity)],
    affinityMode,
    require: checkLabels(input.require ?? [], 'require'),
    timeoutMs: checkCount(input.timeoutMs ?? limits.taskTimeoutMs, 'timeoutMs'),
    deadlineAt: input.deadlineAt === undefined ? null : checkCount(input.deadlineAt, 'deadlineAt'),
    notBeforeAt:
      input.notBeforeAt === undefined ? null : checkCount(input.notBeforeAt, 'notBeforeAt'),
    after: [...new Set(input.after ?? [])],
    onParentFailure: input.onParentFailure ?? 'cancel',
    retries: checkCount(input.retries ?? 0, 'retries', 100),
    onUnknown: input.onUnknown ?? 'hold',
    verify: checkCommand(input.verify),
    preemptible: input.preemptible ?? priority === 'low',
    maxCostUsd: checkCost(input.maxCostUsd),
    maxWallMs: input.maxWallMs === undefined ? null : checkCount(input.maxWallMs, 'maxWallMs'),
    maxAttempts: checkCount(input.maxAttempts ?? limits.taskMaxAttempts, 'maxAttempts', 10_000),
    onStall: input.onStall ?? 'report',
    key: checkText(input.key, 'key', 200),
    ref: checkRef(input.ref),
    metadata: input.metadata ?? {},
  }
}

function checkPrompt(prompt: unknown, maxBytes: number): string {
  if (typeof prompt !== 'string' || prompt.trim() === '')
    throw invalid('prompt', prompt, 'is empty', 'say what the agent is to do')
  // A UTF-16 unit is at most three bytes in UTF-8: short prompts need no count.
  const bytes = prompt.length * 3 <= maxBytes ? 0 : Buffer.byteLength(prompt)
  if (bytes > maxBytes)
    throw new SquadError(
      'SQUADD_TOO_LARGE',
      `prompt has ${bytes} bytes, the limit is ${maxBytes}`,
      {
        field: 'prompt',
        hint: 'put the text into a file of the repository, or raise maxPromptBytes',
      },
    )
  return prompt
}

function checkCount(value: number, field: string, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return value
  throw invalid(field, value, 'is out of range', `use a whole number from 0 to ${max}`)
}

function checkCost(value: number | undefined): number | null {
  if (value === undefined) return null
  if (Number.isFinite(value) && value >= 0) return value
  throw invalid('maxCostUsd', value, 'is not a cost', 'use US dollars, 0 or more')
}

function checkCommand(argv: string[] | undefined): string[] | null {
  if (argv === undefined) return null
  if (argv.length > 0 && argv[0] !== '' && argv.every((part) => !part.includes('\0'))) return argv
  throw invalid('verify', argv, 'is not a command', 'give the program and its arguments')
}

function checkText(text: string | undefined, field: string, max: number): string | null {
  if (text === undefined) return null
  if (text.length > 0 && text.length <= max) return text
  throw invalid(field, text, 'has the wrong length', `use 1 to ${max} characters`)
}

function checkRef(ref: string | undefined): string | null {
  if (ref === undefined) return null
  if (labelPattern.test(ref) && !isTaskId(ref)) return ref
  throw invalid('ref', ref, 'is not a name', 'use 1 to 48 of A-Z a-z 0-9 _ . -, not like t12')
}
