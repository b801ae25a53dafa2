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

/** A task comes out of them only when a person wants it to. */
export const endedStates = ['completed', 'failed', 'cancelled'] as const satisfies TaskState[]

export const isEnded = (state: TaskState): boolean => endedStates.some((ended) => ended === state)

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
export const stopReasons = ['cancelled', 'timed_out', 'preempted', 'stalled', 'unanswered'] as const
export type StopReason = (typeof stopReasons)[number]
