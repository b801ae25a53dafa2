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

/** Events with a higher number, oldest first. */
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
  return found.map((event) => ({
    type: event.type,
    ...(event.agent === null ? {} : { agentId: event.agent }),
    ...(event.task === null ? {} : { taskId: event.task }),
    seq: event.seq,
    at: event.at,
    data: JSON.parse(event.data) as Record<string, unknown>,
  }))
}

export function* eventRange(): Op<{ first: number; last: number }> {
  const range = yield* row<{ first: number | null; last: number | null }>(
    'select (select min(seq) from event) as first, (select max(seq) from event) as last',
  )
  return { first: range?.first ?? 0, last: range?.last ?? 0 }
}

/** Deletes at most `limit` of the events up to `seq`; answers whether there may be more. */
export function* trimTo(seq: number, limit: number): Op<boolean> {
  const gone = yield* rows(
    `delete from event where seq in (select seq from event where seq <= ?1 order by seq limit ?2)
     returning seq`,
    seq,
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
