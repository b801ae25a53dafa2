import { SquadError } from '../domain/error.ts'
import type { EventType } from '../domain/event.ts'
import type { TaskSignal, TaskState } from '../domain/task.ts'
import { isEnded, nextTaskState, taskStates } from '../domain/task.ts'
import type { Op, Value } from './statement.ts'
import { rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { toId } from './task-row.ts'
import type { Transaction } from './transaction.ts'
import { emit, tally } from './transaction.ts'

/** What the world is told of a move, and how people call it. */
const signals = {
  claim: { event: 'TaskStarted', done: 'claimed' },
  succeed: { event: 'TaskCompleted', done: 'completed' },
  fail: { event: 'TaskFailed', done: 'failed' },
  cancel: { event: 'TaskCancelled', done: 'cancelled' },
  hold: { event: 'TaskHeld', done: 'held' },
  backOff: { event: 'TaskRetried', done: 'put off' },
  giveBack: { event: 'TaskRetried', done: 'given back' },
  release: { event: 'TaskReleased', done: 'released' },
  retry: { event: 'TaskReleased', done: 'retried' },
  reblock: { event: 'TaskReleased', done: 'blocked again' },
  unblock: { event: null, done: 'unblocked' },
  postpone: { event: null, done: 'postponed' },
  due: { event: null, done: 'made ready' },
} as const satisfies Record<TaskSignal, { event: EventType | null; done: string }>

/** What a move needs to know of a task, and answers. */
export type Moved = Pick<TaskRow, 'id' | 'state' | 'agent'>

/** Columns that a move may set beside the state. */
export type Patch = Partial<
  Pick<
    TaskRow,
    | 'fence'
    | 'attempt'
    | 'base_fence'
    | 'spent_ms'
    | 'spent_usd'
    | 'agent'
    | 'outcome'
    | 'cause'
    | 'reason'
    | 'unmet'
    | 'not_before'
    | 'started_at'
    | 'ended_at'
  >
>

/**
 * The one way in which a task changes its state: asks the table, keeps the counts, tells the world.
 * Throws as `nextState`.
 */
export function* move(
  tx: Transaction,
  task: Moved,
  signal: TaskSignal,
  patch: Patch,
  data: Record<string, unknown> = {},
): Op<Moved> {
  const to = nextState(task, signal)
  const change: Record<string, Value> = { reason: null, want: null, ...patch, state: to }
  if (to === 'ready') change['ready_at'] = tx.now
  change['ended_at'] = isEnded(to) ? (patch.ended_at ?? tx.now) : null
  const columns = Object.keys(change).map((column, index) => `${column} = ?${index + 3}`)
  // Read in this transaction, so it is what it was.
  yield* rows(
    `update task set ${columns.join(', ')} where id = ?1 and state = ?2`,
    task.id,
    task.state,
    ...Object.values(change),
  )
  const agent = patch.agent ?? task.agent
  tally(tx, task.state, -1)
  tally(tx, to, 1)
  const type = signals[signal].event
  if (type !== null) {
    const byAgent = task.state === 'running' || to === 'running'
    const who = byAgent && agent !== null ? { agentId: agent } : {}
    yield* emit(tx, { type, ...who, taskId: toId(task.id), data })
  }
  return { id: task.id, state: to, agent }
}

/** Moves every task in `from` that fits `where`, silently; for signals that have no event. */
export function* moveMany(
  tx: Transaction,
  from: TaskState,
  signal: 'unblock' | 'postpone' | 'due',
  where: string,
  ...parameters: Value[]
): Op<number> {
  const to = nextTaskState(from, signal)!
  const moved = yield* rows(
    `update task set state = ?1, ready_at = ?2 where state = '${from}' and ${where} returning id`,
    to,
    to === 'ready' ? tx.now : null,
    ...parameters,
  )
  tally(tx, from, -moved.length)
  tally(tx, to, moved.length)
  return moved.length
}

/** Throws SQUADD_CONFLICT where the table has no such move. */
export function nextState(task: Pick<TaskRow, 'id' | 'state'>, signal: TaskSignal): TaskState {
  const to = nextTaskState(task.state, signal)
  if (to === undefined) throw illegal(task, signal)
  return to
}

function illegal(task: Pick<TaskRow, 'id' | 'state'>, signal: TaskSignal): SquadError {
  const { done } = signals[signal]
  const possible = taskStates.filter((state) => nextTaskState(state, signal) !== undefined)
  return new SquadError(
    'SQUADD_CONFLICT',
    `task ${toId(task.id)} is ${task.state} and cannot be ${done}`,
    {
      taskId: toId(task.id),
      state: task.state,
      signal,
      hint: `only a ${possible.join(' or ')} task can`,
    },
  )
}
