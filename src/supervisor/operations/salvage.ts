import { join } from 'node:path'
import { taskStates } from '../domain/task.ts'
import type { Home } from '../home.ts'
import type { SavedTask } from '../store/restored.ts'
import { Connection } from '../store/sqlite.ts'
import type { Op, Row } from '../store/statement.ts'
import { row, rows } from '../store/statement.ts'
import type { TaskRow } from '../store/task-row.ts'
import { list } from './files.ts'
import type { StoreView } from './store-view.ts'

/** What can still be read of a damaged store, beside a backup of it. */
export type Salvage = {
  /** Stored after the backup, or moved since. */
  saved: SavedTask[]
  /** Numbers of tasks that were stored after the backup and cannot be read. */
  lost: number[]
  newestTask: number | null
  newestEvent: number | null
}

// Where nothing says how many tasks there were, this many numbers are tried.
const tried = 1000
const most = 100_000

/**
 * Reads row by row: a page that is damaged costs the rows on it. `open`: tasks that have not ended in
 * the backup.
 */
export function salvage(
  file: string,
  backup: StoreView,
  open: readonly Pick<TaskRow, 'id' | 'state' | 'fence'>[],
): Salvage {
  const nothing = { saved: [], lost: [], newestTask: null, newestEvent: null }
  let connection: Connection
  try {
    connection = new Connection(file, { readOnly: true })
  } catch {
    return nothing
  }
  try {
    const ask = <T>(op: Op<T>): T | undefined => {
      try {
        return connection.run(op)
      } catch {
        return undefined
      }
    }
    const newestTask = ask(sequence('task')) ?? ask(newest('task', 'id')) ?? null
    const newestEvent = ask(sequence('event')) ?? ask(newest('event', 'seq')) ?? null
    const last = Math.min(newestTask ?? backup.newestTask + tried, backup.newestTask + most)
    const saved: SavedTask[] = []
    const lost: number[] = []
    for (let id = backup.newestTask + 1; id <= last; id += 1) {
      const task = ask(wholeTask(id))
      if (task) saved.push(task)
      else if (newestTask !== null) lost.push(id)
    }
    for (const { id, state, fence } of open) {
      const found = ask(wholeTask(id))
      if (found && (found.task.state !== state || found.task.fence !== fence)) saved.push(found)
    }
    return { saved, lost, newestTask, newestEvent }
  } finally {
    connection.close()
  }
}

function* sequence(table: string): Op<number | undefined> {
  const found = yield* row<{ seq: number }>(
    'select seq from sqlite_sequence where name = ?1',
    table,
  )
  return found?.seq
}

function* newest(table: 'task' | 'event', column: string): Op<number | undefined> {
  const found = yield* row<{ n: number | null }>(`select max(${column}) as n from ${table}`)
  return found?.n ?? undefined
}

function* wholeTask(id: number): Op<SavedTask | undefined> {
  const task = yield* row<SavedTask['task']>('select * from task where id = ?1', id)
  const spec = yield* row<Row>('select * from spec where task_id = ?1', id)
  if (!task || !spec || !taskStates.includes(task.state)) return undefined
  // One that is not JSON is damaged too.
  JSON.parse(String(spec['opts']))
  const dependencies = yield* rows<Row>('select * from dep where child = ?1', id)
  const result = yield* row<Row>('select * from result where task_id = ?1', id)
  const attempts = yield* rows<Row>('select * from attempt where task_id = ?1', id)
  return { task, spec, dependencies, attempts, result: result ?? null }
}

/** The highest fence of each task that files of attempts speak of: output, and facts in outboxes. */
export function attemptsSeen(home: Home): Map<number, number> {
  const outboxes = list(home.agentsDir).map((key) => join(home.agentsDir, key, 'outbox'))
  const fences = new Map<number, number>()
  for (const name of [home.logsDir, ...outboxes].flatMap(list)) {
    const [, task = '0', fence = '0'] = /^t(\d{1,15})-(\d{1,15})\./.exec(name) ?? []
    const seen = fences.get(Number(task)) ?? 0
    if (Number(fence) > seen) fences.set(Number(task), Number(fence))
  }
  return fences
}

/** The highest number of an agent that has a folder. */
export const newestAgent = (home: Home): number =>
  Math.max(0, ...list(home.agentsDir).map((name) => Number(/^a(\d{1,15})$/.exec(name)?.[1] ?? 0)))
