import type { NewEvent } from '../domain/event.ts'
import type { Priority, Task, TaskId, TaskState } from '../domain/task.ts'
import { append } from './events.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import { findTask, rowOf, taskRow, toId, toTask } from './task-row.ts'
import type { Transaction } from './transaction.ts'

/** The critical task that is to be next, or null. */
export function* urgent(): Op<Task | null> {
  const first = yield* row<{ id: number }>(
    `select id from task where state = 'ready' and priority = 'critical' order by rank, id limit 1`,
  )
  const found = first && (yield* findTask(first.id))
  return found ? toTask(found) : null
}

/** Ready tasks by priority; counts no further than 1000 in all, the oldest. */
export function* readyByPriority(): Op<Record<Priority, number>> {
  const found = yield* rows<{ priority: Priority }>(
    `select priority from task where state = 'ready' order by id limit 1000`,
  )
  const counts = { critical: 0, high: 0, normal: 0, low: 0 }
  for (const { priority } of found) counts[priority] += 1
  return counts
}

/** Ready tasks of its lane that go before it; counts no further than 1000. */
export function* ahead(id: TaskId): Op<number> {
  const task = yield* taskRow(id)
  const counted = yield* row<{ n: number }>(
    `select count(*) as n from (select 1 from task where state = 'ready' and lane = ?1
       and (rank < ?2 or (rank = ?2 and id < ?3)) limit 1000)`,
    task.lane,
    task.rank,
    task.id,
  )
  return counted!.n
}

export function* parents(id: TaskId): Op<{ id: TaskId; state: TaskState }[]> {
  const found = yield* rows<{ id: number; state: TaskState }>(
    `select task.id, task.state from dep join task on task.id = dep.parent
     where dep.child = ?1 order by dep.parent`,
    rowOf(id),
  )
  return found.map((parent) => ({ id: toId(parent.id), state: parent.state }))
}

/** Small things that are to survive a restart, by name. */
export function* notes(): Op<Map<string, unknown>> {
  const found = yield* rows<{ name: string; value: string }>('select name, value from note')
  return new Map(found.map(({ name, value }) => [name, JSON.parse(value) as unknown]))
}

/** Null takes it away. */
export function* note(
  tx: Transaction,
  name: string,
  value: unknown,
  events: readonly NewEvent[],
): Op<void> {
  if (value === null) yield* rows('delete from note where name = ?1', name)
  else
    yield* rows(
      `insert into note(name, value) values (?1, ?2)
       on conflict(name) do update set value = excluded.value`,
      name,
      JSON.stringify(value),
    )
  yield* append(tx, events)
}
