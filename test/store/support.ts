import type { TotalName } from '../../src/supervisor/domain/totals.ts'
import type { AgentSpec } from '../../src/supervisor/domain/agent.ts'
import { createAgent } from '../../src/supervisor/domain/agent.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import type { Verdict } from '../../src/supervisor/domain/message.ts'
import type { Choose, Settlement, Store } from '../../src/supervisor/domain/ports.ts'
import type { Outcome, Task, TaskInput, TaskSpec } from '../../src/supervisor/domain/task.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'

type Owner = { teardown(end: () => unknown): unknown }

/** How an engine under test opens a new, empty store; it closes it when the test ends. */
export type OpenStore = (t: Owner, settings?: { taskQueueSize?: number }) => Store

/** When the tests begin, ms since 1970. */
export const t0 = 1_700_000_000_000

export const minute = 60_000

export const patience = () => defaults

export const spec = (input: Partial<TaskInput> = {}): TaskSpec =>
  createTask({ prompt: 'do it', ...input }, defaults)

export const agentSpec = (id: string): AgentSpec => createAgent({ id, repo: '/repo' })

export const someone = { id: 'ann', labels: ['gpu', 'py'] }

export const first: Choose = (_, eligible) => eligible[0]!.id

export async function add(store: Store, input: Partial<TaskInput> = {}, now = t0): Promise<Task> {
  const [task] = await store.enqueue([spec(input)], now)
  return task!
}

/** Claims the next task for `agent`; fails the test when there is none. */
export async function take(store: Store, now = t0, agent = someone): Promise<Task> {
  const [task] = await store.claim([agent], first, 1, now)
  if (!task) throw new Error('there was nothing to claim')
  return task
}

export function verdictOf(
  task: Pick<Task, 'id' | 'fence'>,
  outcome: Outcome = 'succeeded',
  more: Partial<Verdict> = {},
): Verdict {
  const endedAt = more.endedAt ?? t0 + 5000
  return {
    key: `${task.id}-${task.fence}`,
    outcome,
    cause: outcome === 'failed' ? 'agent_error' : null,
    reason: `it ${outcome}`,
    startedAt: t0,
    endedAt,
    result: {
      success: outcome === 'succeeded',
      output: `output of ${task.id}`,
      error: null,
      durationMs: 1234,
      completedAt: endedAt,
      evidence: [{ source: 'exit', at: endedAt, detail: 'status 0' }],
      usage: null,
      git: null,
    },
    ...more,
  }
}

export const succeed = (): Settlement => ({ signal: 'succeed' })
export const fail = (): Settlement => ({ signal: 'fail', reason: 'it broke' })
export const hold = (): Settlement => ({ signal: 'hold', reason: 'nobody knows' })
export const giveBack = (counts = false): Settlement => ({
  signal: 'giveBack',
  reason: 'never started',
  counts,
})
export const backOff = (notBeforeAt: number, counts = true): Settlement => ({
  signal: 'backOff',
  reason: 'rate limit',
  notBeforeAt,
  counts,
})

/** Claims the next task and ends it. */
export async function finish(store: Store, settlement: Settlement, now = t0): Promise<Task> {
  const task = await take(store, now)
  const outcome = settlement.signal === 'succeed' ? 'succeeded' : 'failed'
  await store.record(verdictOf(task, outcome), () => settlement, now)
  return store.task(task.id)
}

/** What a store has counted under these names, as `name label value`. */
export const counted = (store: Store, ...names: TotalName[]): string[] =>
  store
    .counters()
    .filter(({ name }) => names.includes(name))
    .map(({ name, label, value }) => `${name} ${label} ${value}`)
