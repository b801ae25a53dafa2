import { invalid, SquadError } from '../domain/error.ts'
import type { TaskFilter } from '../domain/ports.ts'
import type { Outcome, Task, TaskId, TaskState } from '../domain/task.ts'
import { isTaskId } from '../domain/names.ts'
import type { Op, Value } from './statement.ts'
import { row, rows } from './statement.ts'

/** A row of `task`: all that the queue decides by. */
export type TaskRow = Pick<
  Task,
  'state' | 'rank' | 'lane' | 'priority' | 'fence' | 'attempt' | 'agent' | 'want' | 'reason'
> & {
  id: number
  unmet: number
  not_before: number | null
  ready_at: number | null
  base_fence: number
  spent_ms: number
  spent_usd: number
  outcome: Outcome | null
  cause: Task['cause']
  key: string | null
  created_at: number
  started_at: number | null
  ended_at: number | null
}

/** What a row has before its first attempt: the defaults of the table. */
export const untried = {
  ...{ fence: 0, attempt: 0, base_fence: 0, spent_ms: 0, spent_usd: 0 },
  ...{ agent: null, want: null, outcome: null, cause: null, reason: null },
  ...{ started_at: null, ended_at: null },
} as const satisfies Partial<TaskRow>

/** With what lies beside it. */
export type WholeRow = TaskRow & { prompt: string; opts: string; body: string | null }

export const toId = (id: number): TaskId => `t${id}`

const whole = `select task.*, spec.prompt, spec.opts, result.body
  from task join spec on spec.task_id = task.id left join result on result.task_id = task.id`

export function toTask(task: WholeRow): Task {
  return {
    id: toId(task.id),
    state: task.state,
    reason: task.reason,
    priority: task.priority,
    prompt: task.prompt,
    spec: JSON.parse(task.opts) as Task['spec'],
    rank: task.rank,
    lane: task.lane,
    fence: task.fence,
    attempt: task.attempt,
    starts: task.fence - task.base_fence,
    spentMs: task.spent_ms,
    spentUsd: task.spent_usd,
    agent: task.agent,
    want: task.want,
    outcome: task.outcome,
    cause: task.cause,
    result: task.body === null ? null : (JSON.parse(task.body) as Task['result']),
    createdAt: task.created_at,
    notBeforeAt: task.not_before,
    startedAt: task.started_at,
    endedAt: task.ended_at,
  }
}

/** The row number of `t12`. Throws SQUADD_NOT_FOUND when the text is no task's name. */
export function rowOf(id: TaskId): number {
  if (isTaskId(id)) return Number(id.slice(1))
  throw notFound(id)
}

const notFound = (id: TaskId): SquadError =>
  new SquadError('SQUADD_NOT_FOUND', `there is no task ${id}`, {
    taskId: id,
    hint: 'squadd task list shows them',
  })

/** Throws SQUADD_NOT_FOUND. */
export function* taskRow(id: TaskId): Op<TaskRow> {
  const task = yield* row<TaskRow>('select * from task where id = ?1', rowOf(id))
  if (!task) throw notFound(id)
  return task
}

export function* findTask(id: number): Op<WholeRow | undefined> {
  return yield* row<WholeRow>(`${whole} where task.id = ?1`, id)
}

/** Throws SQUADD_NOT_FOUND. */
export function* task(id: TaskId): Op<Task> {
  const found = yield* findTask(rowOf(id))
  if (!found) throw notFound(id)
  return toTask(found)
}

/** Newest first. Throws SQUADD_INVALID. */
export function* tasks(filter: TaskFilter): Op<Task[]> {
  const limit = filter.limit ?? 100
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw invalid('limit', limit, 'is not a number of tasks', 'use 1 or more')
  if (filter.before !== undefined && !isTaskId(filter.before))
    throw invalid('before', filter.before, 'is not a task', 'use an id like t12')
  const before = filter.before === undefined ? Number.MAX_SAFE_INTEGER : rowOf(filter.before)
  const where = ['task.id < ?1']
  const parameters: Value[] = [before, limit]
  if (filter.state !== undefined) where.push(`task.state = ?${parameters.push(filter.state)}`)
  if (filter.agent !== undefined) where.push(`task.agent = ?${parameters.push(filter.agent)}`)
  const found = yield* rows<WholeRow>(
    `${whole} where ${where.join(' and ')} order by task.id desc limit ?2`,
    ...parameters,
  )
  return found.map(toTask)
}

/** How many tasks are in each state; costs the same however many there are. */
export function* taskCounts(): Op<Record<TaskState, number>> {
  const counts = yield* rows<{ state: TaskState; n: number }>('select state, n from task_count')
  return Object.fromEntries(counts.map(({ state, n }) => [state, n])) as Record<TaskState, number>
}

/** When the oldest of the ready tasks was stored: ids grow with time. */
export function* oldestReadyAt(): Op<number | null> {
  const oldest = yield* row<{ created_at: number }>(
    `select created_at from task where state = 'ready' order by id limit 1`,
  )
  return oldest?.created_at ?? null
}
