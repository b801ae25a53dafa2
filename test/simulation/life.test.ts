import fc from 'fast-check'
import t from 'tap'
import type { EventType } from '../../src/supervisor/domain/event.ts'
import type { Fate } from './fake-terminal.ts'
import { Scene } from './scene.ts'
import { liveThrough } from './small-life.ts'
import type { Case } from './steps.ts'
import { anyCase } from './steps.ts'

t.setTimeout(600_000)

t.test('what is asked of an agent before the next supervisor has taken it up waits', async (t) => {
  const task = (affinity: string[]) => ({ input: { affinity }, after: [] })
  const turns: Case['turns'] = [
    {
      afterMs: 0,
      steps: [{ do: 'submit', batch: [task(['a5']), task(['a4'])] }, { do: 'restartSupervisor' }],
    },
    { afterMs: 0, steps: [{ do: 'restart', agent: 4 }] },
    { afterMs: 0, steps: [{ do: 'crash', agent: 0 }] },
  ]
  const life = liveThrough({
    seed: 0,
    agents: [1, 2, 3, 4, 5].map((i) => ({ id: `a${i}`, program: 'shell', labels: [] })),
    ...{ maxConcurrentTasks: 1, programLimits: {}, labelLimits: {}, earlyMs: 0, goodShare: 0.2 },
    breakers: { breakerMaxFailures: 1, breakerResetMs: 500, breakerHalfOpenTests: 1 },
    turns,
  })
  await t.resolves(life, 'no law was broken')
})

const fate: Fate = {
  ...{ launchMs: 10, runMs: 5000, stopMs: 10, outcome: 'succeeded', cause: null },
  ...{ retryInMs: null, hostDiesInMs: null },
}

/** One agent on a slow disk, which is to be released when the task that it has is over. */
async function aboutToBeReleased(agentWriteMs: number) {
  const scene = new Scene({ seed: 1, fate: () => fate, agentWriteMs })
  await scene.start()
  await scene.addAgents([{ id: 'ada', program: 'shell' }])
  await scene.submit([{ prompt: 'one' }])
  await scene.clock.until(scene.squad.pauseAgent('ada', { release: true }), 2000)
  return { scene, passed: (ms: number) => scene.clock.advanceTo(scene.now + ms) }
}

t.test('an agent that is asked back just when its last task is over works again', async (t) => {
  const { scene, passed } = await aboutToBeReleased(1000)
  await passed(fate.runMs - 1500)
  t.equal(scene.store.task('t1')?.state, 'running')
  const resumed = scene.squad.resumeAgent('ada')
  await passed(900)
  await scene.submit([{ prompt: 'two' }])
  t.equal(scene.store.task('t1')?.state, 'completed')
  await scene.clock.until(resumed, 60_000)
  await passed(60_000)
  t.match(scene.store.task('t2'), { state: 'completed', starts: 1 })
  t.same(scene.laws.breaches, [])
  await scene.close()
})

t.test('an agent that is stopped while it is being released is stopped', async (t) => {
  const { scene, passed } = await aboutToBeReleased(1)
  await passed(fate.runMs + 20)
  t.match(scene.store.task('t1'), { state: 'completed' })
  const stopped = await scene.clock.until(scene.squad.stopAgent('ada'), 60_000)
  t.match(stopped, { state: 'stopped' })
  t.same(scene.laws.breaches, [])
  await scene.close()
})

type Step = Case['turns'][number]['steps'][number]
const submit = (...agents: string[]): Step => ({
  do: 'submit',
  batch: agents.map((one) => ({ input: { affinity: [one] }, after: [] })),
})
const urgent = (agent: string, ...require: string[]): Step => ({
  do: 'submit',
  batch: [{ input: { affinity: [agent], require, deadlineAt: 0 }, after: [] }],
})
const touchy = { breakerMaxFailures: 1, breakerResetMs: 500 }

/** Lives that once broke a law. */
const known: Record<string, Case> = {
  'a probe that a killed supervisor gave out without a note of it has its place': {
    ...{ seed: 174875110, maxConcurrentTasks: 2, programLimits: {}, labelLimits: {} },
    ...{ earlyMs: 0, goodShare: 0.2, breakers: { ...touchy, breakerHalfOpenTests: 2 } },
    agents: ['a1', 'a2'].map((id) => ({ id, program: 'shell', labels: [] })),
    turns: [
      { afterMs: 0, steps: [submit('a5', 'a2')] },
      {
        afterMs: 10_000,
        steps: [submit('a1', 'a3', 'a5'), urgent('a3'), { do: 'restartSupervisor' }],
      },
      { afterMs: 0, steps: [{ do: 'resume', agent: 0 }] },
    ],
  },
  'an agent that is given up after its attempt was recorded leaves its place to others at once': {
    ...{ seed: 69709364, maxConcurrentTasks: 1, programLimits: {}, labelLimits: {} },
    ...{ earlyMs: 0, goodShare: 0.2, breakers: { ...touchy, breakerHalfOpenTests: 1 } },
    agents: [
      { id: 'a1', program: 'shell', labels: ['mac'] },
      { id: 'a2', program: 'shell', labels: [] },
    ],
    turns: [
      { afterMs: 0, steps: [{ do: 'break', agent: 0, times: 5 }, submit('a4')] },
      {
        afterMs: 0,
        steps: [submit('a2'), urgent('a4', 'mac'), submit('a2'), urgent('a5')],
      },
      {
        afterMs: 10_000,
        steps: [
          { do: 'lose', agent: 0 },
          { do: 'crash', agent: 0 },
        ],
      },
      { afterMs: 2000, steps: [submit('a5')] },
      { afterMs: 0, steps: [{ do: 'resume', agent: 0 }] },
    ],
  },
  'what an agent had goes to another only when nothing of it runs any more': {
    ...{ seed: 2094020692, maxConcurrentTasks: 1, programLimits: {}, labelLimits: {} },
    ...{ earlyMs: 0, goodShare: 0.9, breakers: { ...touchy, breakerHalfOpenTests: 1 } },
    agents: ['a1', 'a2', 'a3'].map((id) => ({ id, program: 'shell', labels: [] })),
    turns: [
      {
        afterMs: 0,
        steps: [
          { do: 'submit', batch: [{ input: { affinity: ['a5'], require: ['mac'] }, after: [] }] },
          submit('a3'),
          {
            do: 'submit',
            batch: [{ input: { affinity: ['a5'], retries: 1, onUnknown: 'retry' }, after: [] }],
          },
          { do: 'cancel', task: 0 },
        ],
      },
      { afterMs: 2000, steps: [{ do: 'restartSupervisor' }] },
      { afterMs: 0, steps: [{ do: 'stop', agent: 0 }] },
      { afterMs: 0, steps: [{ do: 'crash', agent: 0 }] },
      { afterMs: 0, steps: [{ do: 'resume', agent: 0 }] },
    ],
  },
}
for (const [name, life] of Object.entries(known))
  t.test(name, async (t) => {
    const { laws } = await liveThrough(life)
    t.same(laws.breaches, [])
  })

const lives = 1000

/**
 * Of every life: no task waits for ever or is passed over by one of higher rank that the same agent
 * took, no task has two live attempts, no limit is passed, no breaker lets through more than it may,
 * nothing that could be given out lies about unexplained (laws.ts).
 */
t.test(`${lives} small lives, each with any work, failures, deaths and commands`, async (t) => {
  const seen = new Map<EventType, number>()
  const found = await fc.check(
    fc.asyncProperty(anyCase, async (given) => {
      const { laws } = await liveThrough(given)
      for (const [type, count] of laws.seen) seen.set(type, (seen.get(type) ?? 0) + count)
    }),
    { numRuns: lives },
  )
  const story = `${fc.defaultReportMessage(found)} ${String(found.errorInstance)}`
  t.notOk(found.failed, found.failed ? story : 'every law was kept')
  const met = [
    ...(['TaskStarted', 'TaskCompleted', 'TaskRetried', 'TaskHeld', 'TaskReleased'] as const),
    ...(['BreakerOpened', 'BreakerClosed', 'AgentRestarted', 'AgentFailed'] as const),
    ...(['AdmissionPaused', 'AdmissionResumed'] as const),
  ]
  for (const type of met) t.ok((seen.get(type) ?? 0) > lives / 50, `${type}: ${seen.get(type)}`)
})
