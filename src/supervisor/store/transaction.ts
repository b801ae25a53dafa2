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

/** One write as it grows: what time it is for it, and what it did beside the tables. */
export type Transaction = {
  readonly now: number
  readonly settings: Settings
  readonly events: SquadEvent[]
  readonly moved: Map<TaskState, number>
  /** What it adds to the totals that live as long as the store. */
  readonly totals: Total[]
}

export const beginAt = (now: number, settings: Settings): Transaction => ({
  now,
  settings,
  events: [],
  moved: new Map(),
  totals: [],
})

/**
 * Records an event, redacted: everybody may see it; in the totals what follows from it, and who is to be
 * told of it.
 */
export function* emit(tx: Transaction, event: NewEvent): Op<void> {
  const data = redactAll(event.data ?? {})
  const stored = yield* row<{ seq: number }>(
    `insert into event(at, type, agent, task, data) values (?1, ?2, ?3, ?4, ?5) returning seq`,
    tx.now,
    event.type,
    event.agentId ?? null,
    event.taskId ?? null,
    JSON.stringify(data),
  )
  const recorded = { ...event, seq: stored!.seq, at: tx.now, data }
  tx.events.push(recorded)
  tx.totals.push(...totalsOf(event))
  const rules = tx.settings.notifications?.() ?? []
  if (rules.length === 0) return
  for (const { name } of yield* queueNotices(rules, recorded)) {
    count(tx, 'notifications', 'given_up')
    const reason = 'too many others wait for the same receiver'
    const about = { notification: name, event: recorded.seq, eventType: event.type, tries: 0 }
    yield* emit(tx, { ...event, type: 'NotificationFailed', data: { ...about, reason } })
  }
}

/** Raises a total that follows from no event. */
export function count(tx: Transaction, name: TotalName, label: string): void {
  tx.totals.push({ name, label, by: 1 })
}

/** Notes that `by` tasks came into a state, or left it. */
export function tally(tx: Transaction, state: TaskState, by: number): void {
  tx.moved.set(state, (tx.moved.get(state) ?? 0) + by)
}

/** The last statements of a write: its sums, each row once. */
export function* flush(tx: Transaction): Op<void> {
  for (const [state, by] of tx.moved)
    if (by !== 0) yield* rows('update task_count set n = n + ?2 where state = ?1', state, by)
}

/** The last statements of a commit: the totals of its writes, each row once. */
export function* addTotals(totals: Iterable<Total>): Op<void> {
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
