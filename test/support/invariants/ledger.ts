import { DatabaseSync } from 'node:sqlite'
import type { AgentSpec } from '../../../src/supervisor/domain/agent.ts'
import type { TaskState } from '../../../src/supervisor/domain/task.ts'
import { isEnded } from '../../../src/supervisor/domain/task.ts'

export type TaskRow = {
  id: string
  state: TaskState
  fence: number
  key: string | null
  reason: string | null
  agent: string | null
  startedAt: number
}
export type AgentRow = {
  key: string
  name: string
  goal: string
  failure: string | null
  worktree: string
  spec: AgentSpec
}
type EventRow = { seq: number; type: string; task: string | null; data: string }

/** What a store file says, read beside the daemon and at one moment. */
export type Ledger = {
  instance: string
  tasks: TaskRow[]
  agents: AgentRow[]
  events: EventRow[]
  counts: Record<string, number>
}

export function readLedger(file: string): Ledger {
  const store = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    store.exec('begin')
    const all = <T>(sql: string) => store.prepare(sql).all() as T[]
    const [meta] = all<{ value: string }>(`select value from meta where name = 'instance'`)
    return {
      instance: meta!.value,
      tasks: all<Omit<TaskRow, 'id'> & { id: number }>(
        'select id, state, fence, key, reason, agent, started_at as startedAt from task order by id',
      ).map((task) => ({ ...task, id: `t${task.id}` })),
      agents: all<Omit<AgentRow, 'spec'> & { spec: string }>(
        'select key, name, goal, failure, worktree, spec from agent order by key',
      ).map((agent) => ({
        ...agent,
        key: `a${agent.key}`,
        spec: JSON.parse(agent.spec) as AgentSpec,
      })),
      events: all<EventRow>('select seq, type, task, data from event order by seq'),
      counts: Object.fromEntries(
        all<{ state: string; n: number }>('select state, n from task_count').map(({ state, n }) => [
          state,
          n,
        ]),
      ),
    }
  } finally {
    store.close()
  }
}

/** The states that the events tell apart. */
type Stage = 'none' | 'waiting' | 'running' | 'held' | 'completed' | 'failed' | 'cancelled'

/** What each event makes of a task, and where that may be. */
const moves: Record<string, { from: readonly Stage[]; to: Stage }> = {
  TaskSubmitted: { from: ['none'], to: 'waiting' },
  TaskStarted: { from: ['waiting'], to: 'running' },
  TaskRetried: { from: ['running'], to: 'waiting' },
  TaskHeld: { from: ['waiting', 'running'], to: 'held' },
  TaskReleased: { from: ['held', 'failed', 'cancelled', 'waiting'], to: 'waiting' },
  TaskCompleted: { from: ['running'], to: 'completed' },
  TaskFailed: { from: ['running'], to: 'failed' },
  TaskCancelled: { from: ['waiting', 'running', 'held'], to: 'cancelled' },
}

const stageOf = (state: TaskState): Stage =>
  state === 'blocked' || state === 'delayed' || state === 'ready' ? 'waiting' : state

/** I3 and I4: every task went along the state machine, ended once, and is where its events left it. */
export function replayed({ tasks, events, counts }: Ledger): string[] {
  const wrong: string[] = []
  const stages = new Map<string, Stage>()
  const fences = new Map<string, number>()
  let last = 0
  for (const { seq, type, task, data } of events) {
    if (seq <= last) wrong.push(`I3: event ${seq} comes after ${last}`)
    last = seq
    const move = moves[type]
    if (!move || task === null) continue
    const stage = stages.get(task) ?? 'none'
    if (!move.from.includes(stage)) wrong.push(`I3: ${task} was ${stage} at ${type} (event ${seq})`)
    stages.set(task, move.to)
    if (type !== 'TaskStarted') continue
    const { fence } = JSON.parse(data) as { fence: number }
    if (fence <= (fences.get(task) ?? 0)) wrong.push(`I3: ${task} has fence ${fence} again`)
    fences.set(task, fence)
  }
  for (const { id, state, fence } of tasks) {
    const stage = stages.get(id)
    if (stage !== stageOf(state)) wrong.push(`I4: ${id} is ${state}, its events say ${stage}`)
    if (fence !== (fences.get(id) ?? 0))
      wrong.push(`I4: ${id} has fence ${fence}, not ${fences.get(id)}`)
  }
  for (const [state, n] of Object.entries(counts)) {
    const rows = tasks.filter((task) => task.state === state).length
    if (rows !== n) wrong.push(`I9: ${n} tasks are counted ${state}, there are ${rows}`)
  }
  return wrong
}

/** I3 over time: what ended stays as it ended (unless a person lets it go on), fences only grow. */
export function compared(before: Ledger, now: Ledger): string[] {
  const wrong: string[] = []
  const tasks = new Map(now.tasks.map((task) => [task.id, task]))
  const released = new Set(
    now.events
      .filter(({ type, seq }) => type === 'TaskReleased' && seq > (before.events.at(-1)?.seq ?? 0))
      .map(({ task }) => task),
  )
  for (const old of before.tasks) {
    const task = tasks.get(old.id)
    if (!task) wrong.push(`I1: ${old.id} is gone`)
    else if (task.fence < old.fence)
      wrong.push(`I3: ${old.id} had fence ${old.fence}, has ${task.fence}`)
    else if (isEnded(old.state) && task.state !== old.state && !released.has(old.id))
      wrong.push(`I3: ${old.id} was ${old.state} and is ${task.state}`)
  }
  return wrong
}
