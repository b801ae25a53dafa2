import type { TaskSpec } from '../domain/task.ts'
import type { Moved } from './move.ts'
import { move, moveMany } from './move.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { toId } from './task-row.ts'
import type { Transaction } from './transaction.ts'

type Ended = Pick<TaskRow, 'id' | 'state'>

type Child = Moved & { on_failure: TaskSpec['onParentFailure'] }

/**
 * What the end of a task means for the tasks after it: a success frees them; anything else frees,
 * holds or cancels each one as it says itself, and so on down the line.
 */
export function* followUp(tx: Transaction, ended: Ended): Op<void> {
  const line: Ended[] = [ended]
  for (const parent of line) {
    if (parent.state === 'completed') {
      yield* free(tx, parent.id, 'parent = ?1 and met = 0')
      continue
    }
    yield* free(tx, parent.id, `parent = ?1 and met = 0 and on_failure = 'run'`)
    const how = parent.state === 'failed' ? 'failed' : 'was cancelled'
    const reason = `its parent ${toId(parent.id)} ${how}`
    const children = yield* rows<Child>(
      `select task.id, task.state, task.agent, dep.on_failure from dep join task on task.id = dep.child
       where dep.parent = ?1 and dep.met = 0 and task.state = 'blocked' order by dep.child`,
      parent.id,
    )
    for (const child of children)
      if (child.on_failure === 'hold') yield* move(tx, child, 'hold', { reason }, { reason })
      else line.push(yield* move(tx, child, 'cancel', { reason }, { reason, durationMs: 0 }))
  }
}

/** The parent no longer stands in the way; those that wait for nothing else go on. */
function* free(tx: Transaction, parent: number, edges: string): Op<void> {
  const some = yield* row(`select child from dep where ${edges} limit 1`, parent)
  if (!some) return
  yield* rows(
    `update task set unmet = unmet - 1 where id in (select child from dep where ${edges})`,
    parent,
  )
  yield* rows(`update dep set met = 1 where ${edges}`, parent)
  const waiting = 'unmet = 0 and id in (select child from dep where parent = ?3)'
  yield* moveMany(tx, 'blocked', 'postpone', `${waiting} and not_before > ?4`, parent, tx.now)
  yield* moveMany(tx, 'blocked', 'unblock', waiting, parent)
}
