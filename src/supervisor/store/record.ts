import type { AgentSpec, ProgramName } from '../domain/agent.ts'
import { invalid } from '../domain/error.ts'
import type { Recorded, Verdict } from '../domain/message.ts'
import { parseAttemptKey } from '../domain/message.ts'
import type { Settlement } from '../domain/ports.ts'
import type { Task, TaskId } from '../domain/task.ts'
import { isEnded } from '../domain/task.ts'
import { followUp } from './children.ts'
import type { Moved, Patch } from './move.ts'
import { move } from './move.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { findTask, rowOf, toTask } from './task-row.ts'
import type { Transaction } from './transaction.ts'
import { count, emit } from './transaction.ts'

/**
 * Records how an attempt ended. Only the newest fence of a running task counts; the answer to a
 * repeated verdict is the same as long as the task has not been claimed again.
 */
export function* record(
  tx: Transaction,
  verdict: Verdict,
  decide: (task: Task) => Settlement,
): Op<Recorded> {
  const attempt = parseAttemptKey(verdict.key)
  if (!attempt)
    throw invalid('key', verdict.key, 'is not an attempt', 'use a task and its fence, like t12-3')
  const { taskId, fence } = attempt
  const found = yield* findTask(rowOf(taskId))
  if (!found || found.fence !== fence) return yield* late(tx, verdict, taskId, fence)
  if (found.state !== 'running') return 'already'
  yield* keep(verdict, found)
  yield* creditAgent(tx, verdict, found.agent)
  yield* chargeAgent(verdict, found.agent)
  const moved = yield* settle(tx, verdict, found, decide(toTask(found)))
  if (isEnded(moved.state)) yield* followUp(tx, moved)
  return 'recorded'
}

/** Evidence of an attempt that no longer counts: said once, changes nothing. */
function* late(tx: Transaction, verdict: Verdict, taskId: TaskId, fence: number): Op<Recorded> {
  const { outcome, reason } = verdict
  const first = yield* row(
    `insert into late(task_id, fence, at, outcome) values (?1, ?2, ?3, ?4)
     on conflict(task_id, fence) do nothing returning fence`,
    rowOf(taskId),
    fence,
    tx.now,
    outcome,
  )
  count(tx, 'fenced_writes', '')
  if (first) yield* emit(tx, { type: 'TaskLateResult', taskId, data: { fence, outcome, reason } })
  return 'late'
}

function* keep(verdict: Verdict, { id, fence }: TaskRow): Op<void> {
  yield* rows(
    `update attempt set outcome = ?3, cause = ?4, reason = ?5, ended_at = ?6
     where task_id = ?1 and fence = ?2`,
    id,
    fence,
    verdict.outcome,
    verdict.cause,
    verdict.reason,
    Math.round(verdict.endedAt),
  )
  yield* rows(
    `insert into result(task_id, fence, body) values (?1, ?2, ?3)
     on conflict(task_id) do update set fence = excluded.fence, body = excluded.body`,
    id,
    fence,
    JSON.stringify(verdict.result),
  )
}

function* creditAgent(tx: Transaction, verdict: Verdict, agent: string | null): Op<void> {
  const completed = verdict.outcome === 'succeeded'
  if (!completed && verdict.outcome !== 'failed' && verdict.outcome !== 'timed_out') return
  yield* rows(
    `update agent set tasks_completed = tasks_completed + ?2, tasks_failed = tasks_failed + ?3,
       total_exec_ms = total_exec_ms + ?4, updated_at = ?5 where name = ?1`,
    agent,
    completed ? 1 : 0,
    completed ? 0 : 1,
    Math.round(verdict.result.durationMs),
    tx.now,
  )
}

/** What an attempt cost is its agent's, however it ended. */
function* chargeAgent({ result }: Verdict, agent: string | null): Op<void> {
  const cost = result.usage?.costUsd ?? 0
  if (cost > 0)
    yield* rows('update agent set spent_usd = spent_usd + ?2 where name = ?1', agent, cost)
}

function* settle(tx: Transaction, verdict: Verdict, task: TaskRow, decided: Settlement): Op<Moved> {
  const settlement = heedCancel(task, decided)
  const { outcome, cause } = verdict
  const reason = 'reason' in settlement ? settlement.reason : null
  const notBeforeAt = settlement.signal === 'backOff' ? Math.ceil(settlement.notBeforeAt) : null
  const counts = !('counts' in decided) || decided.counts
  const patch: Patch = {
    attempt: counts ? task.attempt : task.attempt - 1,
    spent_ms: task.spent_ms + Math.round(verdict.result.durationMs),
    spent_usd: task.spent_usd + (verdict.result.usage?.costUsd ?? 0),
    outcome,
    cause,
    reason,
    ended_at: Math.round(verdict.endedAt),
    ...(notBeforeAt === null ? {} : { not_before: notBeforeAt }),
  }
  const durationMs = Math.round(verdict.result.durationMs)
  const data = { fence: task.fence, attempt: task.attempt, durationMs, outcome, cause, reason }
  const goesBack = settlement.signal === 'backOff' || settlement.signal === 'giveBack'
  const { usage } = verdict.result
  return yield* move(tx, task, settlement.signal, patch, {
    ...data,
    program: yield* programOf(task.agent),
    ...(usage ? { usage } : {}),
    ...(verdict.leaseExpired ? { leaseExpired: true } : {}),
    ...(goesBack ? { notBeforeAt } : {}),
  })
}

/** What an agent runs; null when it is gone. */
function* programOf(agent: string | null): Op<ProgramName | null> {
  const found = yield* row<{ spec: string }>('select spec from agent where name = ?1', agent)
  return found ? (JSON.parse(found.spec) as AgentSpec).program : null
}

/** A cancel that came while it ran is not forgotten because the attempt ended in another way. */
function heedCancel(task: TaskRow, decided: Settlement): Settlement {
  if (task.want !== 'cancelled') return decided
  switch (decided.signal) {
    case 'hold':
    case 'backOff':
    case 'giveBack':
      return { signal: 'cancel', reason: task.reason ?? decided.reason }
    case 'succeed':
    case 'fail':
    case 'cancel':
      return decided
  }
}
