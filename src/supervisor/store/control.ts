import { SquadError } from '../domain/error.ts'
import type { StopReason, Task, TaskId, TaskSpec, TaskState } from '../domain/task.ts'
import { followUp } from './children.ts'
import type { Patch } from './move.ts'
import { move, moveMany, nextState } from './move.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { rowOf, task as wholeTask, taskRow, toId } from './task-row.ts'
import type { Transaction } from './transaction.ts'

/** Cancels a waiting task; of a running one it notes the wish, its holder has to end it. */
export function* cancel(tx: Transaction, id: TaskId, reason: string): Op<Task> {
  const task = yield* taskRow(id)
  if (task.state === 'running')
    yield* rows(
      `update task set want = 'cancelled', reason = ?2
       where id = ?1 and (want is null or want <> 'cancelled')`,
      task.id,
      reason,
    )
  else if (task.state !== 'cancelled')
    yield* followUp(tx, yield* move(tx, task, 'cancel', { reason }, { reason, durationMs: 0 }))
  return yield* wholeTask(id)
}

/** The first wish stays, so that its verdict is read as it was meant; a cancel beats the others. */
export function* askStop(id: TaskId, fence: number, want: StopReason): Op<void> {
  yield* rows(
    `update task set want = ?3 where id = ?1 and fence = ?2 and state = 'running'
       and (want is null or ?3 = 'cancelled')`,
    rowOf(id),
    fence,
    want,
  )
}

/** A held task goes on. Who releases it says that its failed parents do not matter. */
export function* release(tx: Transaction, id: TaskId): Op<Task> {
  const task = yield* taskRow(id)
  nextState(task, 'release')
  const waived = yield* rows(
    `update dep set met = 1 where child = ?1 and met = 0 and parent in
       (select id from task where id = parent and state in ('failed', 'cancelled'))
     returning parent`,
    task.id,
  )
  yield* goOn(tx, task, 'release', { unmet: task.unmet - waived.length })
  return yield* wholeTask(id)
}

/** A failed or cancelled task begins again, as if it had never been tried; its fence stays. */
export function* retry(tx: Transaction, id: TaskId): Op<Task> {
  const task = yield* taskRow(id)
  nextState(task, 'retry')
  const gone = yield* row<{ id: number; state: TaskState }>(
    `select task.id, task.state from dep join task on task.id = dep.parent
     where dep.child = ?1 and dep.met = 0 and task.state in ('failed', 'cancelled')
     order by dep.parent limit 1`,
    task.id,
  )
  if (gone) throw parentGone(id, gone)
  const { unmet } = task
  yield* goOn(tx, task, 'retry', {
    unmet,
    attempt: 0,
    outcome: null,
    cause: null,
    started_at: null,
  })
  yield* rows('delete from result where task_id = ?1', task.id)
  return yield* wholeTask(id)
}

function parentGone(id: TaskId, parent: { id: number; state: TaskState }): SquadError {
  const name = toId(parent.id)
  return new SquadError(
    'SQUADD_CONFLICT',
    `task ${id} cannot be retried, its parent ${name} ${parent.state === 'failed' ? 'failed' : 'was cancelled'}`,
    { taskId: id, parent: name, hint: `retry ${name} first` },
  )
}

/** Back into the queue: behind its parents, behind its own start time, or ready at once. */
function* goOn(
  tx: Transaction,
  task: TaskRow,
  signal: 'release' | 'retry',
  patch: Patch,
): Op<void> {
  const spec = yield* row<{ opts: string }>('select opts from spec where task_id = ?1', task.id)
  const { notBeforeAt } = JSON.parse(spec!.opts) as Pick<TaskSpec, 'notBeforeAt'>
  const early = notBeforeAt !== null && notBeforeAt > tx.now
  // What it may spend begins anew: a person has looked at it.
  const anew = { base_fence: task.fence, spent_ms: 0, spent_usd: 0 }
  const change = { ...patch, ...anew, not_before: notBeforeAt }
  if (patch.unmet === 0 && !early) {
    yield* move(tx, task, signal, change, { from: task.state })
    return
  }
  const blocked = yield* move(tx, task, 'reblock', change, { from: task.state })
  if (patch.unmet === 0) yield* move(tx, blocked, 'postpone', {})
}

/** When the next delayed task is due, or null. */
export function* nextDueAt(): Op<number | null> {
  const next = yield* row<{ at: number | null }>(
    `select min(not_before) as at from task where state = 'delayed'`,
  )
  return next?.at ?? null
}

/** Makes at most `limit` due tasks ready. */
export function* promote(tx: Transaction, limit: number): Op<number> {
  return yield* moveMany(
    tx,
    'delayed',
    'due',
    `id in (select id from task where state = 'delayed' and not_before <= ?3
       order by not_before limit ?4)`,
    tx.now,
    limit,
  )
}
