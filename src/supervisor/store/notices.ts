import type { NewEvent, SquadEvent } from '../domain/event.ts'
import type { NotificationRule } from '../domain/notification.ts'
import type { Notice } from '../domain/ports.ts'
import type { Priority } from '../domain/task.ts'
import { isToldOf, mostTries, mostWaiting } from '../policy/notify.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'

type NoticeRow = { id: number; rule: string; event: string; tries: number; problem: string | null }

const toNotice = ({ id, rule, event, tries, problem }: NoticeRow): Notice => ({
  ...{ id, rule, tries, problem },
  event: JSON.parse(event) as SquadEvent,
})

/**
 * Queues a notice of the event for every rule that is about it, in the transaction that records the
 * event; answers with those that there was no room for.
 */
export function* queueNotices(
  rules: readonly NotificationRule[],
  event: SquadEvent,
): Op<NotificationRule[]> {
  const about = rules.filter(({ on }) => on.has(event.type))
  if (about.length === 0) return []
  const priority = about.some(({ priorities }) => priorities)
    ? yield* priorityOf(event.taskId)
    : null
  const refused: NotificationRule[] = []
  for (const rule of about) {
    if (!isToldOf(rule, event, priority)) continue
    const waiting = yield* row<{ n: number }>(
      'select count(*) as n from notice where rule = ?1',
      rule.name,
    )
    if (waiting!.n >= mostWaiting) refused.push(rule)
    else
      yield* rows(
        'insert into notice(rule, event, tries, due_at) values (?1, ?2, 0, ?3)',
        rule.name,
        JSON.stringify(event),
        event.at,
      )
  }
  return refused
}

function* priorityOf(taskId: string | undefined): Op<Priority | null> {
  if (taskId === undefined) return null
  const task = yield* row<{ priority: Priority }>(
    'select priority from task where id = ?1',
    Number(taskId.slice(1)),
  )
  return task?.priority ?? null
}

/**
 * At most `limit` notices of a rule that are due, the oldest first. A try of each is counted before
 * it is made, and the next one set to `retryAt`: so none is tried too often, whatever ends meanwhile.
 */
export function* takeNotices(
  rule: string,
  limit: number,
  retryAt: (tries: number) => number,
  now: number,
): Op<Notice[]> {
  const found = yield* rows<NoticeRow>(
    `select * from notice where rule = ?1 and due_at <= ?2 and tries < ?3
     order by rule, due_at, id limit ?4`,
    rule,
    now,
    mostTries,
    limit,
  )
  const taken: Notice[] = []
  for (const one of found) {
    const tries = one.tries + 1
    yield* postpone(one.id, one.problem, retryAt(tries), tries)
    taken.push(toNotice({ ...one, tries }))
  }
  return taken
}

function* postpone(id: number, problem: string | null, dueAt: number, tries: number): Op<void> {
  yield* rows(
    'update notice set due_at = ?2, problem = ?3, tries = ?4 where id = ?1',
    id,
    Math.ceil(dueAt),
    problem,
    tries,
  )
}

/** A try has failed: the next one at `dueAt`. */
export const deferNotice = ({ id, tries }: Notice, problem: string, dueAt: number): Op<void> =>
  postpone(id, problem, dueAt, tries)

/** Takes a notice out; false when it was out already. */
export function* dropNotice(id: number): Op<boolean> {
  return (yield* rows('delete from notice where id = ?1 returning id', id)).length === 1
}

/** Notices of other rules than these, and those whose last try nobody has seen the end of. */
export function* lostNotices(rules: readonly string[]): Op<Notice[]> {
  const marks = rules.map((_, i) => `?${i + 2}`).join(', ')
  const others = rules.length > 0 ? `rule not in (${marks})` : 'true'
  const found = yield* rows<NoticeRow>(
    `select * from notice where tries >= ?1 or ${others} order by id`,
    mostTries,
    ...rules,
  )
  return found.map(toNotice)
}

/** What is told of a notice that nobody got. */
export function givenUp(
  { rule, tries, event }: Pick<Notice, 'rule' | 'tries' | 'event'>,
  reason: string,
): NewEvent {
  const { seq, type, agentId, taskId } = event
  return {
    type: 'NotificationFailed',
    ...(agentId === undefined ? {} : { agentId }),
    ...(taskId === undefined ? {} : { taskId }),
    data: { notification: rule, event: seq, eventType: type, tries, reason },
  }
}

/** How many notices of each rule wait, and when the first of them may be tried. */
export function* waitingNotices(): Op<{ rule: string; count: number; dueAt: number | null }[]> {
  const found = yield* rows<{ rule: string; n: number; due: number | null }>(
    `select rule, count(*) as n, min(case when tries < ?1 then due_at end) as due
     from notice group by rule order by rule`,
    mostTries,
  )
  return found.map(({ rule, n, due }) => ({ rule, count: n, dueAt: due }))
}
