import { invalid, SquadError } from './error.ts'

/** A task's name, `t` and a number that grows: `t12`. */
export type TaskId = string

export const priorities = ['low', 'normal', 'high', 'critical'] as const
export type Priority = (typeof priorities)[number]

export const taskStates = [
  'blocked',
  'delayed',
  'ready',
  'running',
  'held',
  'completed',
  'failed',
  'cancelled',
] as const
/**
 * blocked: waits for other tasks · delayed: not before a time, or backing off · ready: may be
 * claimed · running: an agent has it · held: needs a person · completed, failed, cancelled: ended.
 */
export type TaskState = (typeof taskStates)[number]

/** The life of a task, whole. A missing cell is an illegal move. */
export const taskTransitions = {
  blocked: { unblock: 'ready', postpone: 'delayed', hold: 'held', cancel: 'cancelled' },
  delayed: { due: 'ready', hold: 'held', cancel: 'cancelled' },
  ready: { claim: 'running', hold: 'held', cancel: 'cancelled' },
  running: {
    succeed: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
    backOff: 'delayed',
    giveBack: 'ready',
    hold: 'held',
  },
  held: { release: 'ready', reblock: 'blocked', cancel: 'cancelled' },
  completed: {},
  failed: { retry: 'ready', reblock: 'blocked' },
  cancelled: { retry: 'ready', reblock: 'blocked' },
} as const satisfies Record<TaskState, Record<string, TaskState>>

export type TaskSignal = {
  [S in TaskState]: keyof (typeof taskTransitions)[S]
}[TaskState]

/** The state after `signal`, or undefined where the table does not allow it. */
export function nextTaskState(state: TaskState, signal: TaskSignal): TaskState | undefined {
  return (taskTransitions[state] as Partial<Record<TaskSignal, TaskState>>)[signal]
}

export const isEnded = (state: TaskState): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled'

/** Nothing more happens by itself: it has ended, or a person has to decide. */
export const isSettled = (state: TaskState): boolean => isEnded(state) || state === 'held'

export const outcomes = [
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'preempted',
  'not_started',
  'unknown',
] as const
/** How one attempt ended. `unknown`: it may have run to its end, nobody can prove it. */
export type Outcome = (typeof outcomes)[number]

export const causes = [
  'auth',
  'quota',
  'rate_limit',
  'overloaded',
  'context_overflow',
  'refused',
  'agent_error',
  'spawn_failed',
  'bad_config',
  'worktree_missing',
  'git_locked',
  'crashed',
  'oom_killed',
  'stalled',
  'timed_out',
] as const
/** Why an attempt failed: a closed set, it drives retries and breakers. */
export type Cause = (typeof causes)[number]

/** Where a claim about the world comes from. `at` is ms since 1970. */
export type Evidence = { source: string; at: number; detail: string }

export type Usage = { inputTokens: number; outputTokens: number; costUsd: number | null }

/** What git says about one attempt: from the commit it began at to its end. */
export type GitChange = {
  branch: string | null
  commit: string | null
  filesChanged: number
  insertions: number
  deletions: number
  dirty: boolean
}

export type TaskResult = {
  success: boolean
  /** The end of the program's output, without control sequences. */
  output: string
  error: string | null
  durationMs: number
  completedAt: number
  evidence: Evidence[]
  usage: Usage | null
  git: GitChange | null
}

/** What a user may say of a task. Everything but `prompt` has a default. */
export type TaskInput = {
  prompt: string
  /** Default `normal`. */
  priority?: Priority
  /** Agents that should take it, best first. */
  affinity?: string[]
  /** `preferred` (default): others may take it when none of `affinity` is idle; `required`: never. */
  affinityMode?: 'preferred' | 'required'
  /** Labels an agent must have. */
  require?: string[]
  /** Limit of one attempt in ms; default from the configuration, 0 = none. */
  timeoutMs?: number
  /** Wanted start, ms since 1970: moves the task forward in the queue as the time comes. */
  deadlineAt?: number
  /** Not before this time, ms since 1970. */
  notBeforeAt?: number
  /** Tasks that must complete first; in a batch also another task's `ref`. */
  after?: string[]
  /** What to do when a task in `after` fails or is cancelled. Default `cancel`. */
  onParentFailure?: 'cancel' | 'hold' | 'run'
  /** Further attempts after a failure whose cause may pass. Default 0. */
  retries?: number
  /** After an attempt that nobody can prove ended: hold it for a person (default), or retry. */
  onUnknown?: 'hold' | 'retry'
  /** Command (argv) run in the worktree after success; exit 0 = the task succeeded. */
  verify?: string[]
  /** A critical task may interrupt it. Default: true for `low`, else false. */
  preemptible?: boolean
  /** Caps over all attempts: when one is reached a person is asked before the next. */
  maxCostUsd?: number
  maxWallMs?: number
  /** Attempts, counted or not. Default from the configuration. */
  maxAttempts?: number
  /** Without output and CPU for a time: only say so (default), or stop the attempt as failed. */
  onStall?: 'report' | 'stop'
  /** Idempotency key: the same key answers with the first task again. */
  key?: string
  /** A name inside one batch, for `after`. */
  ref?: string
  /** Free data, returned as it was. */
  metadata?: Record<string, unknown>
}

/** A checked task, every default filled in. */
export type TaskSpec = Required<
  Omit<
    TaskInput,
    'deadlineAt' | 'notBeforeAt' | 'verify' | 'maxCostUsd' | 'maxWallMs' | 'key' | 'ref'
  >
> & {
  deadlineAt: number | null
  notBeforeAt: number | null
  verify: string[] | null
  maxCostUsd: number | null
  maxWallMs: number | null
  key: string | null
  ref: string | null
}

/** A task as it is stored and shown. */
export type Task = {
  id: TaskId
  state: TaskState
  /** Why it is in this state, where that is not plain: held, failed, cancelled, delayed. */
  reason: string | null
  priority: Priority
  prompt: string
  spec: Omit<TaskSpec, 'prompt' | 'priority'>
  /** Lower goes first: see policy/scheduler.ts. */
  rank: number
  lane: string
  /** Grows with each claim and nothing else; every write about an attempt carries it. */
  fence: number
  /** Attempts that count (a preempted or never started one does not). */
  attempt: number
  /** Attempts since it was stored or a person last let it go on, counted or not. */
  starts: number
  /** What these attempts have used. */
  spentMs: number
  spentUsd: number
  /** The agent that has it, or had it last. */
  agent: string | null
  /** A stop that was asked for while it ran and must not be forgotten. */
  want: StopReason | null
  outcome: Outcome | null
  cause: Cause | null
  result: TaskResult | null
  createdAt: number
  notBeforeAt: number | null
  startedAt: number | null
  endedAt: number | null
}

/** Why a running attempt is to be stopped. */
export type StopReason = 'cancelled' | 'timed_out' | 'preempted' | 'stalled'

export type TaskLimits = {
  maxPromptBytes: number
  taskTimeoutMs: number
  taskMaxAttempts: number
}

const label = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$/
const agentName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/
const taskId = /^t[1-9][0-9]{0,14}$/

export const isTaskId = (text: string): boolean => taskId.test(text)

/** Checks an agent's name. Throws SQUADD_INVALID. */
export function checkAgentName(name: unknown, field = 'name'): string {
  if (typeof name === 'string' && agentName.test(name)) return name
  throw invalid(
    field,
    name,
    'is not a name',
    'use 1 to 48 of A-Z a-z 0-9 _ -, first a letter or digit',
  )
}

/** Checks labels. Throws SQUADD_INVALID. */
export function checkLabels(labels: readonly string[], field: string): string[] {
  for (const one of labels)
    if (!label.test(one))
      throw invalid(field, one, 'is not a label', 'use 1 to 48 of A-Z a-z 0-9 _ . -')
  return [...new Set(labels)].sort()
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
  const bytes = prompt.length * 3 <= maxBytes ? 0 : new TextEncoder().encode(prompt).length
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
  if (label.test(ref) && !taskId.test(ref)) return ref
  throw invalid('ref', ref, 'is not a name', 'use 1 to 48 of A-Z a-z 0-9 _ . -, not like t12')
}
