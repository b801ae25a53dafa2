import type { TaskState } from '../domain/task.ts'
import { endedStates } from '../domain/task.ts'
import { ended } from './ended.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { Transaction } from './transaction.ts'
import { tally } from './transaction.ts'

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

// So many are looked at in one step, and in one write at most so many steps: no commit is long.
const pageSize = 500
const mostPages = 4

type Candidate = { id: number; created_at: number; may_go: number }

/**
 * Deletes tasks that ended before `endedBefore`, at most `limit` of each state; the answer is how
 * many. A task that another one still waits for stays. Where many stay, the next call goes on behind
 * those that this one has looked at, so that what is newer gets its turn.
 */
export function* forget(tx: Transaction, endedBefore: number, limit: number): Op<number> {
  let gone = 0
  for (const state of endedStates) {
    const from = yield* placeOf(state)
    let at = from
    const found: number[] = []
    for (let page = 0; page < mostPages && found.length < limit; page++) {
      const looked = yield* pageAfter(at, state, endedBefore)
      const some = looked.filter(({ may_go }) => may_go === 1).slice(0, limit - found.length)
      found.push(...some.map(({ id }) => id))
      const isFull = found.length === limit
      const last = isFull ? some.at(-1) : looked.at(-1)
      // What was stored later cannot have ended before: that is the end, and all begins anew.
      const isEnd = !isFull && (looked.length < pageSize || last!.created_at >= endedBefore)
      at = isEnd ? 0 : last!.id
      if (isEnd) break
    }
    if (at !== from) yield* keepPlace(state, at)
    for (const id of found) for (const place of beside) yield* rows(`delete from ${place} = ?1`, id)
    tally(tx, state, -found.length)
    gone += found.length
  }
  return gone
}

/** The next ended tasks in the order in which they were stored, and which of them may go. */
const pageAfter = (id: number, state: TaskState, endedBefore: number): Op<readonly Candidate[]> =>
  rows<Candidate>(
    `select id, created_at, ended_at < ?3 and not exists (
       select 1 from dep join task as child on child.id = dep.child
       where dep.parent = task.id and child.state not in ${ended}
     ) as may_go
     from task where state = ?1 and id > ?2 order by id limit ?4`,
    state,
    id,
    endedBefore,
    pageSize,
  )

const nameOfPlace = (state: TaskState): string => `forgotAfter:${state}`

/** The task behind which the walk goes on. */
function* placeOf(state: TaskState): Op<number> {
  const stored = yield* row<{ value: string }>(
    'select value from meta where name = ?1',
    nameOfPlace(state),
  )
  return Number(stored?.value ?? 0)
}

function* keepPlace(state: TaskState, id: number): Op<void> {
  yield* rows(
    `insert into meta(name, value) values (?1, ?2)
     on conflict(name) do update set value = excluded.value`,
    nameOfPlace(state),
    String(id),
  )
}
