import type { TaskId } from '../domain/task.ts'
import { isEnded } from '../domain/task.ts'
import { followUp } from './children.ts'
import { ended } from './ended.ts'
import { move } from './move.ts'
import type { Op, Row } from './statement.ts'
import { row, rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { toId } from './task-row.ts'
import type { Transaction } from './transaction.ts'
import { emit } from './transaction.ts'

/** A task as the damaged store has it: its rows, whole. */
export type SavedTask = {
  task: Row & Pick<TaskRow, 'id' | 'state' | 'fence'>
  spec: Row
  dependencies: readonly Row[]
  attempts: readonly Row[]
  result: Row | null
}

/** What is known of the time after a backup was made. */
export type AfterBackup = {
  file: string
  madeAt: number
  /** The highest fence that an attempt of a task is known to have had. */
  fences: ReadonlyMap<number, number>
  /** Tasks that are newer than the backup, or have moved since. */
  saved: readonly SavedTask[]
  /** Numbers that were given out, at least: none of them is used again. */
  used: { task: number; event: number; agent: number }
}

/**
 * Makes a backup fit to go on with: tasks that could be read are as they were, no number and no
 * fence is used twice, and a task that may have run since is held for a person. Answers which are held.
 */
export function* afterRestore(tx: Transaction, after: AfterBackup): Op<TaskId[]> {
  for (const one of after.saved) yield* insertSaved(one)
  yield* useNoNumberAgain('task', after.used.task)
  yield* useNoNumberAgain('event', after.used.event)
  yield* useNoNumberAgain('agent', after.used.agent)
  yield* recount()
  // Children that could not be read are told of it now.
  for (const { task } of after.saved) if (isEnded(task.state)) yield* followUp(tx, task)
  const held: TaskId[] = []
  const open = yield* rows<TaskRow>(`select * from task where state not in ${ended} order by id`)
  for (const task of open) {
    const reason = doubt(task, after)
    const fence = Math.max(task.fence, after.fences.get(task.id) ?? 0)
    if (fence > task.fence)
      yield* rows(
        'update task set fence = ?2, base_fence = base_fence + ?3 where id = ?1',
        task.id,
        fence,
        fence - task.fence,
      )
    if (reason === null || task.state === 'held') continue
    yield* move(tx, task, 'hold', { reason }, { reason })
    held.push(toId(task.id))
  }
  const { file, madeAt } = after
  yield* emit(tx, { type: 'StoreRestored', data: { file, madeAt, held } })
  return held
}

/** Why nobody can tell whether a task has run since the backup; null: it has not. */
function doubt(task: TaskRow, { fences, madeAt }: AfterBackup): string | null {
  if ((fences.get(task.id) ?? 0) <= task.fence) return null
  return `an attempt began since the backup of ${new Date(madeAt).toISOString()}: it may have run`
}

function* insertSaved({ task, spec, dependencies, attempts, result }: SavedTask): Op<void> {
  yield* insert('task', task)
  yield* insert('spec', spec)
  for (const one of dependencies) yield* insert('dep', one)
  for (const one of attempts) yield* insert('attempt', one)
  if (result) yield* insert('result', result)
}

/** A row as it was; columns that this version does not have are left out. */
function* insert(table: 'task' | 'spec' | 'dep' | 'attempt' | 'result', values: Row): Op<void> {
  const known = yield* rows<{ name: string }>(`select name from pragma_table_info('${table}')`)
  const names = known.map(({ name }) => name).filter((name) => values[name] !== undefined)
  const marks = names.map((_, index) => `?${index + 1}`)
  yield* rows(
    `insert or replace into ${table}(${names.join(', ')}) values (${marks.join(', ')})`,
    ...names.map((name) => values[name]!),
  )
}

function* recount(): Op<void> {
  yield* rows(
    `update task_count set n = (select count(*) from task where task.state = task_count.state)`,
  )
}

function* useNoNumberAgain(table: string, used: number): Op<void> {
  const found = yield* row('select seq from sqlite_sequence where name = ?1', table)
  if (found)
    yield* rows('update sqlite_sequence set seq = max(seq, ?2) where name = ?1', table, used)
  else yield* rows('insert into sqlite_sequence(name, seq) values (?1, ?2)', table, used)
}
