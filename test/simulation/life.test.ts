import fc from 'fast-check'
import t from 'tap'
import type { EventType } from '../../src/supervisor/domain/event.ts'
import { liveThrough } from './small-life.ts'
import { anyCase } from './steps.ts'

t.setTimeout(240_000)

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
