import type { AgentGoal, AgentRecord, AgentSpec } from '../domain/agent.ts'
import { SquadError } from '../domain/error.ts'
import type { NewEvent } from '../domain/event.ts'
import type { AgentPatch } from '../domain/ports.ts'
import { append } from './events.ts'
import type { Op, Value } from './statement.ts'
import { row, rows } from './statement.ts'
import type { Transaction } from './transaction.ts'

type AgentRow = {
  key: number
  spec: string
  goal: AgentGoal
  failure: string | null
  worktree: string
  owns_branch: number
  conversation: string | null
  tasks_completed: number
  tasks_failed: number
  total_exec_ms: number
  spent_usd: number
  created_at: number
  updated_at: number
}

const toKey = (key: number): string => `a${key}`

// Agents of an older version know nothing of trust.
const toSpec = (text: string): AgentSpec => {
  const spec = JSON.parse(text) as AgentSpec & { trust?: boolean }
  return { ...spec, trust: spec.trust ?? false }
}

const toRecord = (agent: AgentRow): AgentRecord => ({
  spec: toSpec(agent.spec),
  key: toKey(agent.key),
  goal: agent.goal,
  failure: agent.failure,
  worktree: agent.worktree,
  ownsBranch: agent.owns_branch === 1,
  conversation: agent.conversation,
  tasksCompleted: agent.tasks_completed,
  tasksFailed: agent.tasks_failed,
  totalExecTimeMs: agent.total_exec_ms,
  spentUsd: agent.spent_usd,
  createdAt: agent.created_at,
  updatedAt: agent.updated_at,
})

/** Stores a new agent that is to be up; its branch is not ours until `updateAgent` says so. */
export function* addAgent(
  tx: Transaction,
  spec: AgentSpec,
  place: (key: string) => string,
): Op<AgentRecord> {
  const taken = yield* row('select key from agent where name = ?1', spec.id)
  if (taken)
    throw new SquadError('SQUADD_CONFLICT', `there is an agent ${spec.id} already`, {
      agentId: spec.id,
      hint: 'choose another name, or remove that one first',
    })
  const added = yield* row<{ key: number }>(
    `insert into agent(name, spec, goal, worktree, owns_branch, tasks_completed, tasks_failed,
       total_exec_ms, created_at, updated_at)
     values (?1, ?2, 'up', '', 0, 0, 0, 0, ?3, ?3) returning key`,
    spec.id,
    JSON.stringify(spec),
    tx.now,
  )
  const { key } = added!
  const placed = yield* row<AgentRow>(
    'update agent set worktree = ?2 where key = ?1 returning *',
    key,
    place(toKey(key)),
  )
  return toRecord(placed!)
}

const columnOf = {
  goal: 'goal',
  failure: 'failure',
  worktree: 'worktree',
  ownsBranch: 'owns_branch',
  conversation: 'conversation',
} as const satisfies Record<keyof AgentPatch, string>

/** Throws SQUADD_NOT_FOUND. */
export function* updateAgent(
  tx: Transaction,
  id: string,
  patch: AgentPatch,
  events: readonly NewEvent[],
): Op<AgentRecord> {
  const set = ['updated_at = ?2']
  const values: Value[] = [tx.now]
  for (const name of Object.keys(columnOf) as (keyof AgentPatch)[]) {
    const value = patch[name]
    if (value === undefined) continue
    values.push(typeof value === 'boolean' ? Number(value) : value)
    set.push(`${columnOf[name]} = ?${values.length + 1}`)
  }
  const updated = yield* row<AgentRow>(
    `update agent set ${set.join(', ')} where name = ?1 returning *`,
    id,
    ...values,
  )
  if (!updated) throw noAgent(id)
  yield* append(tx, events)
  return toRecord(updated)
}

/** Throws SQUADD_NOT_FOUND. */
export function* removeAgent(tx: Transaction, id: string, events: readonly NewEvent[]): Op<void> {
  const removed = yield* row('delete from agent where name = ?1 returning key', id)
  if (!removed) throw noAgent(id)
  yield* append(tx, events)
}

/** In the order in which they were added. */
export function* agents(): Op<AgentRecord[]> {
  return (yield* rows<AgentRow>('select * from agent order by key')).map(toRecord)
}

const noAgent = (id: string): SquadError =>
  new SquadError('SQUADD_NOT_FOUND', `there is no agent ${id}`, {
    agentId: id,
    hint: 'squadd agent list shows them',
  })
