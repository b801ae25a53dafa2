import t from 'tap'
import type { NewEvent } from '../../../src/supervisor/domain/event.ts'
import type { OpenStore } from '../support.ts'
import { add, agentSpec, counted, fail, hold, succeed, t0, take, verdictOf } from '../support.ts'

export function totalRules(open: OpenStore): void {
  t.test('what an attempt used is in its event and in the totals, by program', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), () => '/w', t0)
    const usage = { inputTokens: 1000, outputTokens: 20, costUsd: 0.123456 }
    for (const ms of [900, 1000, 1001, 1e9]) {
      await add(store)
      const verdict = verdictOf(await take(store))
      const result = { ...verdict.result, durationMs: ms, usage }
      await store.record({ ...verdict, result }, succeed, t0)
    }
    t.match(store.eventsSince(0, 99, ['TaskCompleted'])[0]?.data, { program: 'shell', usage })
    t.strictSame(counted(store, 'tokens', 'cost_micro_usd', 'task_duration'), [
      'cost_micro_usd shell 493824',
      'task_duration shell succeeded +Inf 1',
      'task_duration shell succeeded 1 2',
      'task_duration shell succeeded 5 1',
      'task_duration shell succeeded sum 1000002901',
      'tokens shell input 4000',
      'tokens shell output 80',
    ])
  })

  t.test('an attempt of an agent that is gone is counted, but for no program', async (t) => {
    const store = open(t)
    await add(store)
    const task = await take(store)
    await store.record({ ...verdictOf(task, 'unknown'), leaseExpired: true }, () => hold(), t0)
    t.match(store.eventsSince(0, 99, ['TaskHeld'])[0]?.data, { program: null, leaseExpired: true })
    t.strictSame(counted(store, 'attempts', 'leases_expired', 'task_duration'), [
      'attempts unknown 1',
      'leases_expired  1',
    ])
  })

  t.test('what was cancelled or held while it waited has had no attempt', async (t) => {
    const store = open(t)
    const parent = await add(store)
    for (const onParentFailure of ['cancel', 'hold'] as const)
      await add(store, { after: [parent.id], onParentFailure })
    await store.record(verdictOf(await take(store), 'failed'), fail, t0)
    t.strictSame(counted(store, 'attempts', 'finished'), [
      'attempts failed 1',
      'finished cancelled 1',
      'finished failed 1',
    ])
  })

  t.test('what agents say is counted with their events', async (t) => {
    const store = open(t)
    const moved = (from: string, to: string, stayedMs: number): NewEvent => ({
      type: 'AgentStateChanged',
      data: { from, to, stayedMs },
    })
    await store.append(
      [
        { type: 'AgentWaiting', data: { question: 'May I?' } },
        { type: 'AgentWaiting', data: { question: 'May I?', waitedMs: 5, policy: 'escalate' } },
        moved('running', 'waiting', 100),
        moved('waiting', 'running', 4000),
        moved('waiting', 'failed', 0),
        moved('starting', 'running', 7),
        moved('starting', 'idle', 7),
        { type: 'OrphansKilled', data: { count: 3 } },
      ],
      t0,
    )
    t.strictSame(counted(store, 'questions', 'waiting', 'readopted', 'orphans'), [
      'orphans  3',
      'questions  1',
      'readopted  1',
      'waiting 1 1',
      'waiting 5 1',
      'waiting sum 4000',
    ])
  })

  t.test('an event that is refused with its write is in no total', async (t) => {
    const store = open(t)
    await t.rejects(store.removeAgent('nobody', [{ type: 'AgentRemoved' }], t0))
    t.strictSame(store.counters(), [])
  })
}
