import { SquadError } from '../domain/error.ts'
import type { Candidate, Choose } from '../domain/ports.ts'
import type { Task } from '../domain/task.ts'
import { serves } from '../policy/scheduler.ts'
import { move } from './move.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import type { TaskRow } from './task-row.ts'
import { findTask, toTask } from './task-row.ts'
import type { Transaction } from './transaction.ts'

/** The first task of a lane. */
type Head = { id: number; lane: string; rank: number }

// Jumps from the head of one lane to the head of the next: costs by lanes, not by tasks.
const laneHeads = `
  with recursive head(id, lane, rank) as (
    select 0, '', 0
    union all
    select task.id, task.lane, task.rank from head join task on task.id = (
      select id from task where state = 'ready' and lane > head.lane
      order by lane, rank, id limit 1
    )
  )
  select id, lane, rank from head where id > 0`

const laneHead = `
  select id, lane, rank from task where state = 'ready' and lane = ?1 order by rank, id limit 1`

/**
 * Gives tasks, lowest rank first, to the candidates that `choose` picks; each gets at most one. A
 * lane that none of the rest serves, or that `choose` leaves, is out for this call.
 */
export function* claim(
  tx: Transaction,
  candidates: readonly Candidate[],
  choose: Choose,
  limit: number,
): Op<Task[]> {
  const claimed: Task[] = []
  let idle = candidates
  if (idle.length === 0 || limit < 1) return claimed
  const heads = [...(yield* rows<Head>(laneHeads))].sort(byRank)
  for (let head = heads.shift(); head; head = heads.shift()) {
    const { id, lane } = head
    const eligible = idle.filter((one) => serves(one, lane))
    if (eligible.length === 0) continue
    const found = (yield* findTask(id))!
    const task = toTask(found)
    const agent = choose(task, eligible)
    if (agent === null) continue
    if (!eligible.some((one) => one.id === agent))
      throw new SquadError('SQUADD_INTERNAL', `${agent} is not among the agents to choose from`)
    claimed.push(yield* start(tx, found, task, agent))
    idle = idle.filter((one) => one.id !== agent)
    if (claimed.length === limit || idle.length === 0) break
    const next = yield* row<Head>(laneHead, lane)
    if (next) insertByRank(heads, next)
  }
  return claimed
}

function* start(tx: Transaction, found: TaskRow, task: Task, agent: string): Op<Task> {
  const fence = found.fence + 1
  const attempt = found.attempt + 1
  const { state } = yield* move(
    tx,
    found,
    'claim',
    { fence, attempt, agent, started_at: tx.now },
    { fence, attempt, priority: found.priority, waitMs: tx.now - (found.ready_at ?? tx.now) },
  )
  yield* rows(
    'insert into attempt(task_id, fence, agent, started_at) values (?1, ?2, ?3, ?4)',
    found.id,
    fence,
    agent,
    tx.now,
  )
  const starts = task.starts + 1
  const begun = { fence, attempt, starts, agent, startedAt: tx.now }
  return { ...task, ...begun, state, reason: null, want: null }
}

const byRank = (a: Head, b: Head): number => a.rank - b.rank || a.id - b.id

function insertByRank(heads: Head[], head: Head): void {
  const at = heads.findIndex((one) => byRank(head, one) < 0)
  heads.splice(at < 0 ? heads.length : at, 0, head)
}
