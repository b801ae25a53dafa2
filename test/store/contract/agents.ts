import t from 'tap'
import type { OpenStore } from '../support.ts'
import { agentSpec, t0 } from '../support.ts'

export function agentRules(open: OpenStore): void {
  t.test('an agent gets a key that is never used again, and a place by it', async (t) => {
    const store = open(t)
    const ann = await store.addAgent(agentSpec('ann'), (key) => `/trees/${key}`, t0)
    t.strictSame(ann, {
      spec: agentSpec('ann'),
      key: 'a1',
      goal: 'up',
      failure: null,
      worktree: '/trees/a1',
      ownsBranch: false,
      conversation: null,
      tasksCompleted: 0,
      tasksFailed: 0,
      spentUsd: 0,
      totalExecTimeMs: 0,
      createdAt: t0,
      updatedAt: t0,
    })
    t.strictSame(store.agents(), [ann])
    await store.removeAgent('ann', [{ type: 'AgentRemoved', agentId: 'ann' }], t0)
    t.strictSame(store.agents(), [])
    t.equal((await store.addAgent(agentSpec('ann'), (key) => key, t0)).key, 'a2')
    t.match(store.eventsSince(0, 9), [{ type: 'AgentRemoved', agentId: 'ann', data: {} }])
  })

  t.test('a name that is taken is refused', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), (key) => key, t0)
    await t.rejects(
      store.addAgent(agentSpec('ann'), (key) => key, t0),
      {
        code: 'SQUADD_CONFLICT',
        message: /there is an agent ann already/,
      },
    )
    await store.addAgent(agentSpec('Ann'), (key) => key, t0)
    t.strictSame(
      store.agents().map(({ spec }) => spec.id),
      ['ann', 'Ann'],
    )
  })

  t.test('an agent is updated together with its events, field by field', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), (key) => key, t0)
    const updated = await store.updateAgent(
      'ann',
      { goal: 'paused', failure: 'gave up', ownsBranch: true },
      [{ type: 'AgentFailed', agentId: 'ann', data: { reason: 'gave up' } }],
      t0 + 1,
    )
    t.match(updated, { goal: 'paused', failure: 'gave up', ownsBranch: true, worktree: 'a1' })
    t.equal(updated.updatedAt, t0 + 1)
    const next = await store.updateAgent('ann', { failure: null, worktree: '/w' }, [], t0 + 2)
    t.match(next, { goal: 'paused', failure: null, ownsBranch: true, worktree: '/w' })
    t.equal((await store.updateAgent('ann', { ownsBranch: false }, [], t0)).ownsBranch, false)
    t.match(store.eventsSince(0, 9), [{ type: 'AgentFailed' }])
  })

  t.test('an agent that is not there is not found, and its events are not recorded', async (t) => {
    const store = open(t)
    const events = [{ type: 'AgentPaused', agentId: 'eve' }] as const
    await t.rejects(store.updateAgent('eve', {}, events, t0), { code: 'SQUADD_NOT_FOUND' })
    await t.rejects(store.removeAgent('eve', events, t0), { code: 'SQUADD_NOT_FOUND' })
    t.strictSame(store.eventsSince(0, 9), [])
  })
}
