import type { AgentInput } from '../../src/supervisor/domain/agent.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { WatchedSquad } from '../support/watched-squad.ts'

/** Settings under which everything happens within a minute. */
export const sceneSettings = {
  sampleIntervalMs: 300,
  stopGraceMs: 1000,
  breakerResetMs: 6000,
  enableAutoRecovery: false,
  restartIntensity: 2,
  maxConcurrentTasks: 20,
  minFreeMemoryBytes: 0,
  minFreeDiskBytes: 0,
  minFreeFiles: 0,
}

/** A script that says what it used. */
export const using = (tokens: number, costUsd: number): string =>
  `printf '{"usage":{"inputTokens":${tokens},"outputTokens":${tokens / 10},"costUsd":${costUsd}}}' >"$SQUADD_REPORT"`

const report = (words: object): string => `printf '%s' '${JSON.stringify(words)}' >"$SQUADD_REPORT"`
const work = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'
const hour = 3_600_000

type Event = { agentId?: string; data: Record<string, unknown> }

const moves =
  (id: string, to: string) =>
  ({ agentId, data }: Event): boolean =>
    agentId === id && data['to'] === to

/**
 * What can happen to a squad happens: every state of tasks, agents and breakers, and the ways in which an
 * attempt ends. When it resolves, what can last still lasts.
 */
export async function play(watched: WatchedSquad): Promise<void> {
  const { squad, client } = watched
  const agent = (id: string, more: Omit<AgentInput, 'id' | 'repo'> = {}) =>
    client.call('agents.add', { id, repo: squad.repo, ...more })
  const task = async (id: string, prompt: string, more: Omit<TaskInput, 'prompt'> = {}) =>
    (await client.call('tasks.add', {
      prompt,
      affinity: [id],
      affinityMode: 'required',
      ...more,
    })) as Task
  const end = async (added: Promise<Task>) =>
    client.call('tasks.wait', { id: (await added).id, timeoutMs: 60_000 })
  const running = (id: string) => watched.event('AgentStateChanged', moves(id, 'running'))

  await watched.slowly(() => Promise.all(['ada', 'bob', 'cid'].map((id) => agent(id))))
  await Promise.all([
    ...['dan', 'eve', 'fay', 'pat', 'sam'].map((id) => agent(id)),
    agent('kit', { program: 'command', argv: ['sh', '-c', '{prompt}'] }),
    agent('zoe', { program: 'claude', mode: 'headless' }),
    agent('ann', { program: 'claude' }),
  ])

  // Every end of an attempt.
  const long = await task('ada', `${work}; sleep 600`, { priority: 'high' })
  await Promise.all([
    end(task('bob', `${using(9000, 0.12)}; sleep 1`)),
    end(task('bob', 'sleep 60', { timeoutMs: 500, priority: 'low' })),
    end(task('bob', 'sleep 300 & echo left behind >new.txt')),
    end(task('cid', 'kill -9 $PPID; sleep 60')),
    end(task('zoe', 'write a test')),
    end(task('zoe', 'this will fail')),
  ])
  const low = await task('dan', 'sleep 2', { priority: 'low' })
  await running('dan')
  await end(task('dan', 'true', { priority: 'critical' }))
  await client.call('tasks.wait', { id: low.id, timeoutMs: 60_000 })
  const doomed = await task('dan', 'sleep 600')
  await watched.event('TaskStarted', ({ taskId }) => taskId === doomed.id)
  await client.call('tasks.cancel', { id: doomed.id })
  await client.call('agents.diff', { id: 'bob' })

  // Tasks that wait.
  await client.call('agents.pause', { id: 'pat' })
  await client.call('agents.stop', { id: 'sam' })
  await task('ada', 'true', { after: [long.id] })
  await task('ada', 'true', { notBeforeAt: Date.now() + hour })
  await task('pat', 'true')

  // Breakers and hosts.
  for (let failure = 1; failure <= 3; failure++) await end(task('fay', 'exit 3'))
  await task('kit', `${report({ cause: 'quota', retryAt: Date.now() + hour })}; exit 1`)
  await watched.event('BreakerOpened', ({ data }) => data['scope'] === 'program:command')
  await watched.killHost('ada')
  await watched.event(
    'AgentStateChanged',
    ({ agentId, data }) =>
      agentId === 'ada' && data['from'] === 'starting' && data['to'] === 'running',
  )
  for (const _ of [1, 2, 3]) await watched.killHost('eve')
  await watched.event('AgentFailed', ({ agentId }) => agentId === 'eve')

  // A program asks, is answered, and asks again.
  for (const answer of ['yes', null]) {
    await task('ann', 'ask for leave')
    await watched.event('AgentWaiting')
    if (answer !== null) await client.call('agents.answer', { id: 'ann', choice: answer })
  }
  await client.call('tasks.show', { id: 't9999' }).catch(() => {})
}
