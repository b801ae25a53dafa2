import type { EventType, NewEvent, SquadEvent } from '../domain/event.ts'
import type { TotalName } from '../domain/totals.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { Transaction } from './transaction.ts'
import { emit } from './transaction.ts'

type EventRow = {
  seq: number
  at: number
  type: EventType
  agent: string | null
  task: string | null
  data: string
}

export function* append(tx: Transaction, events: readonly NewEvent[]): Op<void> {
  for (const event of events) yield* emit(tx, event)
}

// Of data: what one reader that is slow may hold in memory.
const pageBytes = 262_144

/** Events with a higher number, oldest first; less than `limit` when they are large. */
export function* eventsSince(
  seq: number,
  limit: number,
  types?: readonly EventType[],
): Op<SquadEvent[]> {
  if (types?.length === 0) return []
  const marks = (types ?? []).map((_, index) => `?${index + 3}`).join(', ')
  const found = yield* rows<EventRow>(
    `select * from event where seq > ?1 ${types ? `and type in (${marks})` : ''}
     order by seq limit ?2`,
    seq,
    limit,
    ...(types ?? []),
  )
  let bytes = 0
  const page = found.filter(({ data }, i) => (bytes += data.length) <= pageBytes || i === 0)
  return page.map((event) => ({
    type: event.type,
    ...(event.agent === null ? {} : { agentId: event.agent }),
    ...(event.task === null ? {} : { taskId: event.task }),
    seq: event.seq,
    at: event.at,
    data: JSON.parse(event.data) as Record<string, unknown>,
  }))
}

// From this number on every event is kept; below it only those of tasks that ran when it was set.
const floorName = 'eventFloor'

function* floor(): Op<number> {
  const stored = yield* row<{ value: string }>('select value from meta where name = ?1', floorName)
  return Number(stored?.value ?? 1)
}

export function* eventRange(): Op<{ first: number; last: number }> {
  const newest = yield* row<{ seq: number | null }>('select max(seq) as seq from event')
  const first = yield* floor()
  return { first, last: Math.max(newest?.seq ?? 0, first - 1) }
}

/** The newest event that is not among the newest `keep`, or happened before `before`. */
export function* oldestToKeep(keep: number, before: number): Op<number> {
  const { first, last } = yield* eventRange()
  const young = yield* row<{ seq: number }>(
    'select seq from event where seq >= ?1 and at >= ?2 order by seq limit 1',
    first,
    before,
  )
  return Math.max(first, last + 1 - keep, young?.seq ?? last + 1)
}

/**
 * Deletes at most `limit` of the events below number `first` that belong to no running task; answers
 * whether there may be more.
 */
export function* trimBelow(first: number, limit: number): Op<boolean> {
  yield* rows(
    `insert into meta(name, value) values (?1, ?2)
     on conflict(name) do update set value = excluded.value`,
    floorName,
    String(first),
  )
  const gone = yield* rows(
    `delete from event where seq in (select seq from event where seq < ?1 and (task is null
       or task not in (select 't' || id from task where state = 'running')) order by seq limit ?2)
     returning seq`,
    first,
    limit,
  )
  return gone.length === limit
}

export function* counters(): Op<{ name: TotalName; label: string; value: number }[]> {
  const found = yield* rows<{ name: TotalName; label: string; value: number }>(
    'select name, label, value from counter order by name, label',
  )
  return found.map((one) => ({ ...one }))
}
