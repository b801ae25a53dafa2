import fc from 'fast-check'
import type { AgentInput } from '../../src/supervisor/domain/agent.ts'
import type { Config } from '../../src/supervisor/domain/config.ts'
import type { TaskInput } from '../../src/supervisor/domain/task.ts'
import { priorities } from '../../src/supervisor/domain/task.ts'

/** A small squad; numbers choose among what is there at that moment. */
export type Case = {
  seed: number
  agents: Omit<AgentInput, 'repo'>[]
  maxConcurrentTasks: number
  programLimits: Record<string, number>
  labelLimits: Record<string, number>
  earlyMs: number
  breakers: Pick<Config, 'breakerMaxFailures' | 'breakerResetMs' | 'breakerHalfOpenTests'>
  /** Of attempts that end by themselves, how many end well. */
  goodShare: number
  turns: Turn[]
}

/** What happens at one instant, `afterMs` after the one before. */
export type Turn = { afterMs: number; steps: Step[] }

export type Step =
  | { do: 'submit'; batch: { input: Omit<TaskInput, 'prompt'>; after: number[] }[] }
  | { do: 'cancel' | 'retry' | 'release'; task: number }
  | { do: 'pause'; agent: number; now: boolean; release: boolean }
  | { do: 'resume' | 'stop' | 'restart' | 'reset'; agent: number }
  | { do: 'crash' | 'hang' | 'lose'; agent: number }
  | { do: 'break'; agent: number; times: number }
  | { do: 'press'; isPressed: boolean }
  | { do: 'limit'; tasks: number }
  | { do: 'restartSupervisor' }

const labels = ['gpu', 'mac'] as const

const agents = fc
  .array(
    fc.record({
      program: fc.constantFrom('shell' as const, 'command' as const),
      labels: fc.subarray([...labels]),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((drawn) =>
    drawn.map((agent, i) => ({
      ...agent,
      id: `a${i + 1}`,
      ...(agent.program === 'command' ? { argv: ['work'] } : {}),
    })),
  )

const agentIds = ['a1', 'a2', 'a3', 'a4', 'a5']

const input = fc.record(
  {
    priority: fc.constantFrom(...priorities, 'low', 'critical'),
    affinity: fc.subarray(agentIds, { minLength: 1, maxLength: 2 }),
    affinityMode: fc.constantFrom('preferred', 'required'),
    require: fc.subarray([...labels], { minLength: 1 }),
    retries: fc.nat({ max: 3 }),
    onUnknown: fc.constantFrom('hold', 'retry'),
    onParentFailure: fc.constantFrom('cancel', 'hold', 'run'),
    preemptible: fc.boolean(),
    timeoutMs: fc.constantFrom(0, 2000, 30_000),
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    maxWallMs: fc.constant(20_000),
  },
  { requiredKeys: ['affinity'] },
) satisfies fc.Arbitrary<Omit<TaskInput, 'prompt'>>

// Offsets from the instant of the submission.
const later = fc.record(
  { deadlineAt: fc.constantFrom(0, 60_000), notBeforeAt: fc.constantFrom(0, 700, 90_000) },
  { requiredKeys: [] },
)

const which = fc.nat({ max: 29 })
const agent = fc.nat({ max: 4 })

const submit = fc.record({
  do: fc.constant('submit' as const),
  batch: fc.array(
    fc.record({
      input: fc.tuple(input, later).map(([one, times]) => ({ ...one, ...times })),
      after: fc
        .tuple(fc.nat({ max: 4 }), fc.array(which, { minLength: 1, maxLength: 2 }))
        .map(([dice, some]): number[] => (dice === 4 ? some : [])),
    }),
    { minLength: 1, maxLength: 6 },
  ),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: submit },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'retry' as const, 'release' as const),
      task: which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('pause' as const), agent },
      ...{ now: fc.boolean(), release: fc.boolean() },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'resume' as const,
        'resume' as const,
        'stop' as const,
        'restart' as const,
        'reset' as const,
      ),
      agent,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('crash' as const, 'crash' as const, 'hang' as const, 'lose' as const),
      agent,
    }),
  },
  fc.record({ do: fc.constant('break' as const), agent, times: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('press' as const), isPressed: fc.boolean() }),
  fc.record({ do: fc.constant('limit' as const), tasks: fc.integer({ min: 1, max: 5 }) }),
  fc.constant({ do: 'restartSupervisor' as const }),
)

const limit = fc.integer({ min: 1, max: 2 })

/** Any small squad with any life. */
export const anyCase: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(),
  agents,
  maxConcurrentTasks: fc.integer({ min: 1, max: 5 }),
  programLimits: fc.record({ shell: limit, command: limit }, { requiredKeys: [] }),
  labelLimits: fc.record({ gpu: limit, mac: limit }, { requiredKeys: [] }),
  earlyMs: fc.constantFrom(0, 1),
  breakers: fc.record({
    breakerMaxFailures: fc.integer({ min: 1, max: 3 }),
    breakerResetMs: fc.constantFrom(500, 5000, 30_000),
    breakerHalfOpenTests: fc.integer({ min: 1, max: 2 }),
  }),
  goodShare: fc.constantFrom(0.2, 0.6, 0.9),
  turns: fc.array(
    fc.record({
      afterMs: fc.constantFrom(0, 1, 2, 5, 40, 300, 2000, 10_000, 31_000, 120_000),
      steps: fc.array(step, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 14 },
  ),
})
