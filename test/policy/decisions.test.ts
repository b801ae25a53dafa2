import fc from 'fast-check'
import t from 'tap'
import { holds } from '../support/property.ts'
import { agentStates } from '../../src/supervisor/domain/agent.ts'
import type { TaskSpec } from '../../src/supervisor/domain/task.ts'
import { causes, outcomes } from '../../src/supervisor/domain/task.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'
import { backoffDelayMs } from '../../src/supervisor/policy/backoff.ts'
import { isProgramWide } from '../../src/supervisor/policy/blame.ts'
import {
  admit,
  afterFailure,
  afterNothing,
  afterSuccess,
  type Breaker,
  breakerDefaults,
  CircuitBreaker,
  closedBreaker,
  mayPass,
} from '../../src/supervisor/policy/breaker.ts'
import { withinCaps } from '../../src/supervisor/policy/caps.ts'
import {
  assessProbe,
  dueForProbe,
  type Health,
  unprobed,
} from '../../src/supervisor/policy/health.ts'
import { type LoadFacts, loadScore } from '../../src/supervisor/policy/load.ts'
import { decideRestart } from '../../src/supervisor/policy/restart.ts'
import { retryTable, settle } from '../../src/supervisor/policy/settle.ts'

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

t.test('a backoff is a whole number within its bounds, and reaches both', async (t) => {
  const backoff = fc.record({
    baseMs: fc.integer({ min: 1, max: 60_000 }),
    maxMs: fc.integer({ min: 1, max: 600_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
  })
  holds(
    t,
    fc.property(fc.integer({ min: 1, max: 2000 }), backoff, chance, (attempt, how, r) => {
      const ceiling = Math.floor(Math.min(how.maxMs, how.baseMs * how.factor ** (attempt - 1)))
      const at = (random: number) => backoffDelayMs(attempt, how, () => random)
      const delay = at(r)
      return (
        Number.isInteger(delay) &&
        delay >= 0 &&
        delay <= ceiling &&
        at(0) === 0 &&
        at(1 - Number.EPSILON / 2) === ceiling
      )
    }),
  )
})

t.test('no window of the period ever holds more restarts than the intensity', async (t) => {
  const brake = fc.record({
    intensity: fc.integer({ min: 1, max: 8 }),
    periodMs: fc.integer({ min: 1, max: 100_000 }),
  })
  const life = fc.record({ livedMs: fc.nat({ max: 30_000 }), r: chance })
  let gaveUp = 0
  holds(
    t,
    fc.property(brake, fc.array(life, { maxLength: 60 }), (limits, lives) => {
      let history: number[] = []
      let now = 1_000_000
      const starts: number[] = []
      for (const { livedMs, r } of lives) {
        now += livedMs
        const decision = decideRestart(history, now, limits, () => r)
        history = decision.history
        if (decision.kind === 'giveUp') {
          gaveUp++
          // Not one too early: one more would have been too many.
          return history.length >= limits.intensity
        }
        now += decision.afterMs
        starts.push(now)
        const window = starts.filter((at) => at > now - limits.periodMs)
        if (window.length > limits.intensity || history.length > limits.intensity + 1) return false
      }
      return true
    }),
  )
  t.ok(gaveUp > 100, 'the brake was met')
  const steady = { intensity: 1, periodMs: 1000 }
  const decision = decideRestart([1000], 2000, steady, () => 0)
  t.equal(decision.kind, 'restart', 'one each period is allowed for ever')
  t.equal(decideRestart([], 5, steady, () => 0.9).kind, 'restart')
  const ahead = [7_200_000, 7_210_000, 7_220_000]
  t.match(
    decideRestart(ahead, 1000, { intensity: 3, periodMs: 60_000 }, () => 0),
    { kind: 'restart', afterMs: 0 },
    'a clock that was set back makes nobody give up',
  )
  t.match(
    decideRestart([], 5, steady, () => 0.9),
    { afterMs: 0 },
    'the first is at once',
  )
})

type Step = { act: 'ask' | 'success' | 'failure' | 'nothing'; waitMs: number }
const steps = fc.array(
  fc.record({
    act: fc.constantFrom<Step['act']>('ask', 'ask', 'success', 'failure', 'failure', 'nothing'),
    waitMs: fc.oneof(fc.constant(0), fc.nat({ max: 40_000 })),
  }),
  { maxLength: 60 },
)

t.test('a breaker opens after its failures and lets exactly its probes through', async (t) => {
  const config = fc.record({
    maxFailures: fc.integer({ min: 1, max: 5 }),
    resetTimeoutMs: fc.integer({ min: 1, max: 30_000 }),
    halfOpenTests: fc.integer({ min: 1, max: 4 }),
  })
  const seen = new Set<string>()
  holds(
    t,
    fc.property(config, steps, (settings, acts) => {
      let now = 0
      const circuit = new CircuitBreaker(settings, () => now)
      // The same as plain data, written out and read back at each step.
      let plain: Breaker = closedBreaker
      // What was seen from outside since the last change of state.
      let failures = 0
      let admitted = 0
      let successes = 0
      let openUntil = 0
      for (const { act, waitMs } of acts) {
        now += waitMs
        plain = JSON.parse(JSON.stringify(plain))
        const before = circuit.state
        seen.add(before)
        if ((before === 'open') !== now < openUntil) return false
        if (act === 'ask') {
          const said = mayPass(plain, settings, now)
          const answer = admit(plain, settings, now)
          plain = answer.breaker
          if (said !== answer.admitted || circuit.canExecute() !== said) return false
          const expected =
            before === 'closed' || (before === 'half-open' && admitted < settings.halfOpenTests)
          if (said !== expected) return false
          if (before === 'half-open' && said) admitted++
        } else if (act === 'success') {
          circuit.recordSuccess()
          plain = afterSuccess(plain, settings, now)
          failures = 0
          if (before === 'half-open') {
            successes++
            admitted = Math.max(admitted, successes)
          }
          const closes = before === 'half-open' && successes === settings.halfOpenTests
          if (closes !== (before !== 'closed' && circuit.state === 'closed')) return false
          if (closes) [admitted, successes] = [0, 0]
        } else if (act === 'failure') {
          circuit.recordFailure()
          plain = afterFailure(plain, settings, now)
          failures++
          const opens =
            before === 'half-open' || (before === 'closed' && failures === settings.maxFailures)
          if (opens !== (before !== 'open' && circuit.state === 'open')) return false
          if (opens) {
            openUntil = now + settings.resetTimeoutMs
            ;[failures, admitted, successes] = [0, 0, 0]
          }
        } else {
          circuit.recordAborted()
          plain = afterNothing(plain, now)
          admitted = Math.max(successes, admitted - 1)
        }
      }
      return true
    }),
    5000,
  )
  t.same([...seen].sort(), ['closed', 'half-open', 'open'], 'every state was met')
})

t.test('a failure may name the instant until which a breaker stays open', async (t) => {
  const open = afterFailure(closedBreaker, breakerDefaults, 1000, 500_000)
  t.notOk(mayPass(open, breakerDefaults, 499_999))
  t.ok(mayPass(open, breakerDefaults, 500_000))
  t.same(afterFailure(open, breakerDefaults, 2000, 900_000), { kind: 'open', until: 900_000 })
  t.same(afterFailure(open, breakerDefaults, 2000, 3000), open, 'never shorter')
  t.same(afterSuccess(open, breakerDefaults, 2000), open, 'a late success does not close it')
})

t.test(
  'the circuit breaker can be sent to half-open by hand, and checks its settings',
  async (t) => {
    let now = 0
    const circuit = new CircuitBreaker({}, () => now)
    circuit.transitionToHalfOpen()
    t.equal(circuit.state, 'closed', 'there is nothing to try')
    for (let i = 0; i < 3; i++) circuit.recordFailure()
    t.notOk(circuit.canExecute())
    circuit.transitionToHalfOpen()
    t.same(
      [1, 2, 3].map(() => circuit.canExecute()),
      [true, true, false],
      'two probes',
    )
    circuit.recordSuccess()
    t.equal(circuit.state, 'half-open')
    circuit.recordSuccess()
    t.equal(circuit.state, 'closed')
    now = 29_999
    for (const [name, value] of [
      ['maxFailures', 0],
      ['resetTimeoutMs', 1.5],
      ['halfOpenTests', Number.NaN],
    ] as const)
      t.throws(() => new CircuitBreaker({ [name]: value }, () => 0), {
        code: 'SQUADD_INVALID',
        data: { field: name },
      })
  },
)

t.test('one failed probe is not a death, three in a row are, and one answer heals', async (t) => {
  const after = (answers: string): string =>
    answers.split('').reduce<Health>((health, one) => assessProbe(health, one === '+'), unprobed)
      .status
  for (const [answers, status] of Object.entries({
    '': 'well',
    '-': 'suspect',
    '--': 'suspect',
    '---': 'dead',
    '----': 'dead',
    '--+--': 'suspect',
    '---+': 'well',
  }))
    t.equal(after(answers), status, answers)
  const slow = { failuresToDead: 1, successesToWell: 2 }
  const dead = assessProbe(unprobed, false, slow)
  t.equal(dead.status, 'dead')
  t.equal(assessProbe(dead, true, slow).status, 'dead', 'one answer is not enough')
  t.equal(assessProbe(assessProbe(dead, true, slow), true, slow).status, 'well')
})

t.test('who works or did not answer is asked each round, who rests within ten', async (t) => {
  const suspect = assessProbe(unprobed, false)
  const agent = fc.record({
    isResting: fc.boolean(),
    health: fc.constantFrom(unprobed, suspect),
    lastCheckAt: fc.option(fc.nat({ max: 9 })),
  })
  const property = fc.property(fc.array(agent, { maxLength: 60 }), (agents) => {
    const longestUnasked = agents.map(() => 0)
    for (let now = 10; now < 30; now++) {
      const asked = new Set(dueForProbe(agents))
      for (const [i, one] of agents.entries()) {
        const isAsked = asked.has(one)
        if (!isAsked && (!one.isResting || one.health === suspect)) return false
        longestUnasked[i] = isAsked ? 0 : longestUnasked[i]! + 1
        if (isAsked) one.lastCheckAt = now
      }
    }
    const resting = agents.filter((one) => one.isResting && one.health === unprobed).length
    const each = dueForProbe(agents).length - (agents.length - resting)
    return Math.max(0, ...longestUnasked) < 10 && each === Math.ceil(resting / 10)
  })
  holds(t, property)
})

t.test('the load score never falls when one fact gets worse', async (t) => {
  const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 1.5 }), fc.integer())
  const states = ['idle', 'running', 'waiting', 'starting', 'paused', 'failed', 'stopped'] as const
  t.same([...states].sort(), [...agentStates].sort())
  const breakers = ['closed', 'half-open', 'open'] as const
  const facts = fc.record<LoadFacts>({
    state: fc.constantFrom(...states),
    timeoutShare: number,
    breaker: fc.constantFrom(...breakers),
    cpuPercent: number,
    memoryShare: number,
  })
  holds(
    t,
    fc.property(facts, facts, (one, other) => {
      const score = loadScore(one)
      if (!(score >= 0 && score <= 1)) return false
      const worse: LoadFacts[] = []
      if (states.indexOf(other.state) >= states.indexOf(one.state))
        worse.push({ ...one, state: other.state })
      if (breakers.indexOf(other.breaker) >= breakers.indexOf(one.breaker))
        worse.push({ ...one, breaker: other.breaker })
      for (const name of ['timeoutShare', 'cpuPercent', 'memoryShare'] as const)
        if (other[name] >= one[name]) worse.push({ ...one, [name]: other[name] })
      return worse.every((it) => loadScore(it) >= score)
    }),
    5000,
  )
  const free = { timeoutShare: 0, breaker: 'closed', cpuPercent: 0, memoryShare: 0 } as const
  t.equal(loadScore({ ...free, state: 'idle' }), 0)
  for (const state of ['paused', 'failed', 'stopped'] as const)
    t.equal(loadScore({ ...free, state }), 1)
  t.equal(loadScore({ ...free, state: 'idle', breaker: 'open' }), 1)
  t.ok(loadScore({ ...free, state: 'idle', cpuPercent: 50 }) > 0)
  t.ok(loadScore({ ...free, state: 'running' }) < 1)
})

const {
  prompt: _,
  priority: __,
  ...plainSpec
} = createTask({ prompt: 'x' }, { maxPromptBytes: 10, taskTimeoutMs: 0, taskMaxAttempts: 20 })
type Asked = Partial<Pick<TaskSpec, 'retries' | 'onUnknown' | 'maxAttempts'>>
const taskOf = (more: Asked = {}) => ({
  spec: { ...plainSpec, ...more },
  want: null,
  attempt: 1,
  fence: 1,
})
const half = () => 0.5

t.test('what becomes of a task after each outcome', async (t) => {
  const verdict = (outcome: (typeof outcomes)[number], cause: (typeof causes)[number] | null) => ({
    outcome,
    cause,
    reason: 'because',
  })
  const retrying = taskOf({ retries: 1, onUnknown: 'retry' })
  const now = 1_000_000
  const of = (task: Parameters<typeof settle>[0], ...what: Parameters<typeof verdict>) =>
    settle(task, verdict(...what), now, half)
  t.same(of(taskOf(), 'succeeded', null), { signal: 'succeed' })
  t.same(of(taskOf(), 'cancelled', null), { signal: 'cancel', reason: 'because' })
  t.same(of(taskOf(), 'preempted', null), { signal: 'giveBack', reason: 'because', counts: false })
  t.same(of(taskOf(), 'not_started', null), {
    signal: 'backOff',
    reason: 'because',
    notBeforeAt: now + 50,
    counts: false,
  })
  t.match(of(taskOf(), 'unknown', null), { signal: 'hold' })
  t.match(of(taskOf({ retries: 1 }), 'unknown', null), { signal: 'hold' })
  t.match(of(taskOf({ onUnknown: 'retry' }), 'unknown', null), { signal: 'hold' }, 'none is left')
  t.match(of(retrying, 'unknown', null), { signal: 'backOff', counts: true })
  for (const outcome of ['failed', 'timed_out'] as const)
    for (const cause of [...causes, null]) {
      const label = `${outcome} ${cause}`
      if (outcome === 'failed' && isProgramWide(cause)) {
        const back = { signal: 'backOff', counts: false, notBeforeAt: now + 500 }
        t.match(of(taskOf(), outcome, cause), back, `${label} does not cost an attempt`)
        continue
      }
      t.same(of(taskOf(), outcome, cause), { signal: 'fail', reason: 'because' }, label)
      const passes = cause === null || retryTable[cause].retry
      t.match(
        of(retrying, outcome, cause),
        passes
          ? { signal: 'backOff', counts: true, notBeforeAt: now + 500 }
          : { signal: 'fail', reason: /^because; not tried again: / },
        label,
      )
      t.match(of({ ...retrying, attempt: 2 }, outcome, cause), { signal: 'fail' }, label)
    }
  const never = causes.filter((cause) => !retryTable[cause].retry)
  t.same(never, ['context_overflow', 'refused', 'bad_config'])
  for (const outcome of outcomes)
    for (const cause of [...causes, null])
      t.equal(
        of({ ...retrying, want: 'cancelled' }, outcome, cause).signal,
        outcome === 'succeeded' ? 'succeed' : 'cancel',
        `a wanted cancel: ${outcome} ${cause}`,
      )
})

const noResult = {
  success: false,
  output: '',
  error: null,
  durationMs: 0,
  completedAt: 0,
  evidence: [],
  usage: null,
  git: null,
}

t.test('no task is tried more often than its cap, whatever its attempts say', async (t) => {
  const outcome = fc.constantFrom(...outcomes.filter((one) => one !== 'preempted'))
  const attempt = fc.record({ outcome, cause: fc.constantFrom(...causes, null), r: chance })
  const spec = fc.record({
    retries: fc.nat({ max: 20 }),
    onUnknown: fc.constantFrom<'hold' | 'retry'>('hold', 'retry'),
    maxAttempts: fc.integer({ min: 1, max: 39 }),
  })
  holds(
    t,
    fc.property(spec, fc.array(attempt, { minLength: 40, maxLength: 40 }), (how, attempts) => {
      const task = { ...taskOf(how), attempt: 0, fence: 0 }
      let now = 0
      for (const { r, ...verdict } of attempts) {
        task.attempt++
        task.fence++
        const caps = { ...task, starts: task.fence, spentMs: 0, spentUsd: 0 }
        const said = { ...verdict, reason: 'x', result: noResult }
        const decided = withinCaps(
          caps,
          said,
          settle(task, said, now, () => r),
        )
        if (decided.signal !== 'backOff') return decided.signal !== 'giveBack'
        const longest = verdict.outcome === 'not_started' ? 5000 : 300_000
        if (!(decided.notBeforeAt >= now && decided.notBeforeAt <= now + longest)) return false
        if (!decided.counts) task.attempt--
        if (task.attempt > how.retries || task.fence >= task.spec.maxAttempts) return false
        now = decided.notBeforeAt
      }
      return false
    }),
  )
})
