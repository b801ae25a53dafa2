import t from 'tap'
import { viewOf } from '../src/supervisor/agent-view.ts'
import { createAgent } from '../src/supervisor/domain/agent.ts'
import type { AgentRecord } from '../src/supervisor/domain/agent.ts'
import { SupervisedAgent } from '../src/supervisor/supervised-agent.ts'
import { silentMeter } from './support/silent-meter.ts'

const never = (): never => {
  throw new Error('nobody needs this')
}

t.test('an agent is shown without what only its host needs', (t) => {
  const record: AgentRecord = {
    ...{ spec: createAgent({ id: 'ada', repo: '/repo' }), key: 'a1', goal: 'up', failure: null },
    ...{ worktree: '/worktrees/ada', ownsBranch: true, conversation: null },
    ...{ tasksCompleted: 1, tasksFailed: 2, totalExecTimeMs: 3, spentUsd: 4 },
    ...{ createdAt: 5, updatedAt: 6 },
  }
  const agent = new SupervisedAgent(
    record,
    {
      ...{ clock: { now: () => 7, after: never }, random: () => 0, meter: silentMeter },
      hosts: { fork: never, clear: never },
      worktrees: { check: never, ensure: never, remove: never, release: never, diff: never },
      ...{ watch: { watch: never }, brake: never, endLimitMs: never },
      tmuxSocket: (key) => `/run/${key}.sock`,
      setup: never,
    },
    {
      ...{ verdict: never, free: never, vacated: never, placed: never, gaveUp: never },
      ...{ lost: never, named: never, asks: never, said: never, happened: never },
      breaker: () => 'closed',
    },
  )
  t.match(viewOf(agent), { id: 'ada', state: 'stopped', tmuxSocket: '/run/a1.sock', costUsd: 4 })
  t.end()
})
