import type { NewEvent, SquadEvent } from '../domain/event.ts'
import type { NotificationRule } from '../domain/notification.ts'
import { redactAll } from '../domain/redact.ts'
import type { TaskState } from '../domain/task.ts'
import type { Total, TotalName } from '../domain/totals.ts'
import { totalsOf } from '../domain/totals.ts'
import type { Patience } from '../policy/scheduler.ts'
import { queueNotices } from './notices.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'

/** The settings of the queue, asked at each write: they may change while it is open. */
export type Settings = {
  patience: () => Patience
  /** Blocked, delayed and ready tasks together; one more is refused. */
  taskQueueSize: () => number
  /** Who is told of what. Default: nobody. */
  notifications?: () => readonly NotificationRule[]
}

/** What the writes of one commit leave to its end, where each sum is written once. */
export type Commit = {
  readonly events: SquadEvent[]
  /** How many tasks came into a state, less those that left it. */
  readonly moved: Map<TaskState, number>
  /** What it adds to the totals that live as long as the store. */
  readonly totals: Total[]
  /** The newest number of a table, where one was asked for. */
  readonly newest: Map<Numbered, number>
  /** Blocked, delayed and ready tasks before the commit, where that was asked. */
  waiting?: number
}

type Numbered = 'task' | 'event'

/** One write as it grows: what time it is for it, and what it did beside the tables. */
export type Transaction = Commit & {
  readonly now: number
  readonly settings: Settings
  /** What the writes before it in the same commit left. */
  readonly earlier: Commit
}

export const newCommit = (): Commit => ({
  events: [],
  moved: new Map(),
  totals: [],
  newest: new Map(),
})

export const beginAt = (now: number, settings: Settings, earlier = newCommit()): Transaction => ({
  ...newCommit(),
  now,
  settings,
  earlier,
})

/** The write has succeeded: what it leaves is the commit's. */
export function join(commit: Commit, write: Commit): void {
  commit.events.push(...write.events)
  commit.totals.push(...write.totals)
  for (const [state, by] of write.moved) tally(commit, state, by)
  for (const [table, number] of write.newest) commit.newest.set(table, number)
}

/**
 * A new number for a row of the table, never used before. Counted here: to ask for it with each row
 * (`returning`) costs more than to write the row.
 */
export function* nextNumber(tx: Transaction, table: Numbered): Op<number> {
  const newest = tx.newest.get(table) ?? tx.earlier.newest.get(table) ?? (yield* newestOf(table))
  tx.newest.set(table, newest + 1)
  return newest + 1
}

function* newestOf(table: Numbered): Op<number> {
  const found = yield* row<{ seq: number }>(
    'select seq from sqlite_sequence where name = ?1',
    table,
  )
  return found?.seq ?? 0
}

/**
 * Records an event, redacted: everybody may see it; in the totals what follows from it, and who is to be
 * told of it.
 */
export function* emit(tx: Transaction, event: NewEvent): Op<void> {
  const data = redactAll(event.data ?? {})
  const seq = yield* nextNumber(tx, 'event')
  yield* rows(
    'insert into event(seq, at, type, agent, task, data) values (?1, ?2, ?3, ?4, ?5, ?6)',
    seq,
    tx.now,
    event.type,
    event.agentId ?? null,
    event.taskId ?? null,
    JSON.stringify(data),
  )
  const recorded = { ...event, seq, at: tx.now, data }
  tx.events.push(recorded)
  tx.totals.push(...totalsOf(event))
  const rules = tx.settings.notifications?.() ?? []
  if (rules.length === 0) return
  for (const { name } of yield* queueNotices(rules, recorded)) {
    count(tx, 'notifications', 'given_up')
    const reason = 'too many others wait for the same receiver'
    const about = { notification: name, event: seq, eventType: event.type, tries: 0 }
    yield* emit(tx, { ...event, type: 'NotificationFailed', data: { ...about, reason } })
  }
}

/** Raises a total that follows from no event. */
export function count(tx: Transaction, name: TotalName, label: string): void {
  tx.totals.push({ name, label, by: 1 })
}

/** Notes that `by` tasks came into a state, or left it. */
export function tally({ moved }: Commit, state: TaskState, by: number): void {
  moved.set(state, (moved.get(state) ?? 0) + by)
}

/** The last statements of a commit: its sums, each row once. */
export function* flush({ moved, totals }: Commit): Op<void> {
  for (const [state, by] of moved)
    if (by !== 0) yield* rows('update task_count set n = n + ?2 where state = ?1', state, by)
  const sums = new Map<string, Total>()
  for (const total of totals) {
    const key = `${total.name} ${total.label}`
    const sum = sums.get(key)
    if (sum) sum.by += total.by
    else sums.set(key, { ...total })
  }
  for (const { name, label, by } of sums.values())
    yield* rows(
      `insert into counter(name, label, value) values (?1, ?2, ?3)
       on conflict(name, label) do update set value = counter.value + excluded.value`,
      name,
      label,
      by,
    )
}
