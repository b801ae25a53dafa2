import type { NewEvent, SquadEvent } from '../domain/event.ts'
import type { NotificationRule } from '../domain/notification.ts'
import type { CounterName } from '../domain/ports.ts'
import type { TaskState } from '../domain/task.ts'
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
  readonly counted: Map<string, { name: CounterName; label: string; by: number }>
}

export const beginAt = (now: number, settings: Settings): Transaction => ({
  now,
  settings,
  events: [],
  moved: new Map(),
  counted: new Map(),
})

/** Records an event, and who is to be told of it. Totals that follow from an event alone are counted here. */
export function* emit(tx: Transaction, event: NewEvent): Op<void> {
  const data = event.data ?? {}
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
  if (event.type === 'AgentRestarted') count(tx, 'restarts', '')
  if (event.type === 'TaskLateResult') count(tx, 'late_results', '')
  const rules = tx.settings.notifications?.() ?? []
  if (rules.length === 0) return
  for (const { name } of yield* queueNotices(rules, recorded)) {
    count(tx, 'notifications', 'given_up')
    const reason = 'too many others wait for the same receiver'
    const about = { notification: name, event: recorded.seq, eventType: event.type, tries: 0 }
    yield* emit(tx, { ...event, type: 'NotificationFailed', data: { ...about, reason } })
  }
}

/** Raises a total that lives as long as the store. */
export function count(tx: Transaction, name: CounterName, label: string): void {
  const key = `${name} ${label}`
  const total = tx.counted.get(key)
  if (total) total.by += 1
  else tx.counted.set(key, { name, label, by: 1 })
}

/** Notes that `by` tasks came into a state, or left it. */
export function tally(tx: Transaction, state: TaskState, by: number): void {
  tx.moved.set(state, (tx.moved.get(state) ?? 0) + by)
}

/** The last statements of a write: its sums, each row once. */
export function* flush(tx: Transaction): Op<void> {
  for (const [state, by] of tx.moved)
    if (by !== 0) yield* rows('update task_count set n = n + ?2 where state = ?1', state, by)
  for (const { name, label, by } of tx.counted.values())
    yield* rows(
      `insert into counter(name, label, value) values (?1, ?2, ?3)
       on conflict(name, label) do update set value = counter.value + excluded.value`,
      name,
      label,
      by,
    )
}
