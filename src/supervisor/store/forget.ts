import type { TaskState } from '../domain/task.ts'
import type { Op } from './statement.ts'
import { rows } from './statement.ts'
import type { Transaction } from './transaction.ts'
import { tally } from './transaction.ts'

const endedStates = ['completed', 'failed', 'cancelled'] as const satisfies TaskState[]

// All that lies beside a task, by the column that names it.
const beside = [
  'spec where task_id',
  'dep where parent',
  'dep where child',
  'attempt where task_id',
  'late where task_id',
  'result where task_id',
  'task where id',
]

// Only the oldest are looked at, so that it costs little where there is nothing to do.
const lookedAt = 1000

/**
 * Deletes tasks that ended before `endedBefore`, at most `limit` of each state; the answer is how
 * many. A task that another one still waits for stays.
 */
export function* forget(tx: Transaction, endedBefore: number, limit: number): Op<number> {
  let gone = 0
  for (const state of endedStates) {
    const found = yield* rows<{ id: number }>(
      `select id from (select id, ended_at from task where state = ?1 order by id limit ?2) as old
       where ended_at < ?3 and not exists (
         select 1 from dep join task as child on child.id = dep.child
         where dep.parent = old.id and child.state not in ('completed', 'failed', 'cancelled'))
       limit ?4`,
      state,
      lookedAt,
      endedBefore,
      limit,
    )
    for (const { id } of found)
      for (const place of beside) yield* rows(`delete from ${place} = ?1`, id)
    tally(tx, state, -found.length)
    gone += found.length
  }
  return gone
}
