import fc from 'fast-check'
import t from 'tap'
import { holds } from '../support/property.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'
import { priorities } from '../../src/supervisor/domain/task.ts'
import { type Contender, createBalancer } from '../../src/supervisor/policy/balancer.ts'
import { laneOf, rankOf, serves } from '../../src/supervisor/policy/scheduler.ts'

const priority = fc.constantFrom(...priorities)
const patienceOf = {
  critical: defaults.patienceCriticalMs,
  high: defaults.patienceHighMs,
  normal: defaults.patienceNormalMs,
  low: defaults.patienceLowMs,
}
const hour = 3_600_000
const task = fc.record({
  priority,
  createdAt: fc.nat({ max: 12 * hour }),
  /** Time from its making to its deadline. */
  dueInMs: fc.option(fc.nat({ max: 12 * hour })),
})
type Task = typeof task extends fc.Arbitrary<infer T> ? T : never
const rank = ({ priority, createdAt, dueInMs }: Task) =>
  rankOf(
    { priority, deadlineAt: dueInMs === null ? null : createdAt + dueInMs },
    createdAt,
    defaults,
  )

t.test(
  'a task is overtaken only by those made within the difference of their patience',
  async (t) => {
    let overtaken = 0
    holds(
      t,
      fc.property(task, task, (one, other) => {
        if (other.createdAt < one.createdAt || rank(other) >= rank(one)) return true
        overtaken++
        // With a deadline the patience is at most the time to it.
        const patience = (it: Task) => Math.min(patienceOf[it.priority], it.dueInMs ?? Infinity)
        return other.createdAt - one.createdAt < patience(one) - patience(other)
      }),
      5000,
    )
    t.ok(overtaken > 100)
  },
)

t.test('the order is total: of two one goes first, and any three are in a row', async (t) => {
  // Tasks of one instant often have the same rank: then the lower number goes first.
  const close = fc.record({
    ...{ priority, createdAt: fc.nat({ max: 2 }) },
    dueInMs: fc.constant(null),
  })
  const three = fc.tuple(...[1, 2, 3].map(() => fc.oneof(task, close)))
  holds(
    t,
    fc.property(three, (tasks) => {
      const ranked = tasks.map((one, id) => ({ id, rank: rank(one) }))
      const before = (a: (typeof ranked)[number], b: (typeof ranked)[number]) =>
        a.rank < b.rank || (a.rank === b.rank && a.id < b.id)
      return ranked.every(
        (a) =>
          Number.isSafeInteger(a.rank) &&
          ranked.every(
            (b) =>
              (a === b) !== (before(a, b) !== before(b, a)) &&
              ranked.every((c) => !(before(a, b) && before(b, c)) || before(a, c)),
          ),
      )
    }),
    5000,
  )
})

t.test(
  'no task waits behind more than its bound, even under a flood of critical ones',
  async (t) => {
    // One agent, one task a minute; each minute the flood brings another critical one.
    holds(
      t,
      fc.property(priority, fc.nat({ max: 60 }), (priority, minutesIn) => {
        const minute = 60_000
        const mine = { priority, createdAt: minutesIn * minute, dueInMs: null }
        const flood = Array.from({ length: 600 }, (_, i) => ({
          priority: 'critical' as const,
          createdAt: i * minute,
          dueInMs: null,
        }))
        const ahead = flood.filter((one) => rank(one) < rank(mine)).length
        const bound = (patienceOf[priority] - patienceOf.critical) / minute
        return ahead <= minutesIn + bound
      }),
    )
  },
)

t.test(
  'rank is what the seed says of priorities: critical first, then high, normal, low',
  async (t) => {
    const ranks = priorities.map((priority) => rank({ priority, createdAt: 0, dueInMs: null }))
    t.same(
      [...ranks].sort((a, b) => b - a),
      ranks,
      'priorities are listed from low to critical',
    )
    t.equal(new Set(ranks).size, 4)
    t.equal(rank({ priority: 'low', createdAt: 5, dueInMs: 10 }), 15, 'a deadline moves it forward')
    t.equal(rank({ priority: 'high', createdAt: 0, dueInMs: hour }), 60_000, 'and never back')
  },
)

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,6}$/)
const label = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,6}$/)
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5 })

t.test('an agent serves a lane exactly when it fits what the task asks for', async (t) => {
  const pool = fc.record({ names, labels: fc.uniqueArray(label, { maxLength: 5 }) })
  holds(
    t,
    fc.property(
      pool.chain(({ names, labels }) =>
        fc.record({
          affinity: fc.shuffledSubarray(names, { minLength: 1 }),
          affinityMode: fc.constantFrom<'preferred' | 'required'>('preferred', 'required'),
          require: fc.shuffledSubarray(labels),
          agent: fc.record({ id: fc.constantFrom(...names), labels: fc.subarray(labels) }),
        }),
      ),
      ({ agent, ...asked }) => {
        const spec = createTask(
          { prompt: 'x', ...asked },
          { maxPromptBytes: 9, taskTimeoutMs: 0, taskMaxAttempts: 20 },
        )
        const fits =
          (asked.affinityMode === 'preferred' || asked.affinity.includes(agent.id)) &&
          asked.require.every((one) => agent.labels.includes(one))
        const reversed = { ...spec, affinity: [...spec.affinity].reverse() }
        return serves(agent, laneOf(spec)) === fits && laneOf(reversed) === laneOf(spec)
      },
    ),
  )
})

const contender = (id: string, loadScore = 0, lastAssignedAt = 0): Contender => ({
  id,
  loadScore,
  lastAssignedAt,
})
const anyTask = (affinity: string[] = [], affinityMode: 'preferred' | 'required' = 'preferred') => {
  const {
    prompt: _,
    priority: __,
    ...spec
  } = createTask(
    { prompt: 'x', affinity, affinityMode: affinity.length > 0 ? affinityMode : 'preferred' },
    { maxPromptBytes: 9, taskTimeoutMs: 0, taskMaxAttempts: 20 },
  )
  return { spec }
}
const never = () => {
  throw new Error('no chance is needed')
}

t.test('affinity goes before the algorithm, in the order given', async (t) => {
  for (const algorithm of ['least-loaded', 'round-robin', 'random'] as const) {
    const { choose } = createBalancer(algorithm, () => 0)
    const agents = [contender('a'), contender('b', 0.9, 99), contender('c', 0.5)]
    t.equal(choose(anyTask(['x', 'b', 'c']), agents), 'b', algorithm)
    t.equal(choose(anyTask(['x']), agents), 'a', `${algorithm}: others when none is there`)
    t.equal(choose(anyTask(['x'], 'required'), agents), null, `${algorithm}: or nobody`)
    t.equal(choose(anyTask(['c'], 'required'), agents), 'c')
    t.equal(choose(anyTask(), []), null)
  }
})

t.test(
  'least-loaded takes the lowest load, then the longest idle, then the lowest id',
  async (t) => {
    const { choose } = createBalancer('least-loaded', never)
    t.equal(choose(anyTask(), [contender('a', 0.2), contender('b', 0.1, 50)]), 'b')
    t.equal(choose(anyTask(), [contender('a', 0.1, 60), contender('b', 0.1, 50)]), 'b')
    t.equal(choose(anyTask(), [contender('b', 0.1, 50), contender('a', 0.1, 50)]), 'a')
    const facts = fc.tuple(name, fc.constantFrom(0, 0.5), fc.nat({ max: 2 }))
    const agents = fc.uniqueArray(facts, { minLength: 1, selector: ([id]) => id })
    holds(
      t,
      fc.property(agents, (list) => {
        const given = list.map((one) => contender(...one))
        const chosen = choose(anyTask(), given)
        const [best] = [...given].sort(
          (a, b) =>
            a.loadScore - b.loadScore ||
            a.lastAssignedAt - b.lastAssignedAt ||
            (a.id < b.id ? -1 : 1),
        )
        return chosen === best?.id && choose(anyTask(), [...given].reverse()) === chosen
      }),
    )
  },
)

t.test(
  'round-robin: in any window over a fixed set no agent gets two more than another',
  async (t) => {
    holds(
      t,
      fc.property(names, names, fc.nat({ max: 7 }), (before, ids, skip) => {
        const { choose } = createBalancer('round-robin', never)
        for (let i = 0; i < skip; i++)
          choose(
            anyTask(),
            before.map((id) => contender(id)),
          )
        const agents = ids.map((id) => contender(id))
        const chosen = Array.from({ length: 3 * ids.length + 2 }, () => choose(anyTask(), agents))
        for (let from = 0; from < chosen.length; from++)
          for (let to = from + 1; to <= chosen.length; to++) {
            const window = chosen.slice(from, to)
            const counts = ids.map((id) => window.filter((one) => one === id).length)
            if (Math.max(...counts) - Math.min(...counts) > 1) return false
          }
        return true
      }),
      1000,
    )
  },
)

t.test(
  'round-robin: who is always there is chosen once in as many turns as there are agents',
  async (t) => {
    const sets = names.chain((ids) =>
      fc.record({
        ids: fc.constant(ids),
        turns: fc.array(fc.subarray(ids), { minLength: ids.length, maxLength: 30 }),
      }),
    )
    holds(
      t,
      fc.property(sets, ({ ids, turns }) => {
        const { choose } = createBalancer('round-robin', never)
        const always = ids[0]!
        const chosen = turns.map((present) => {
          const eligible = [...new Set([always, ...present])]
          const id = choose(
            anyTask(),
            eligible.map((one) => contender(one)),
          )
          return eligible.includes(id ?? '') ? id : 'a stranger'
        })
        if (chosen.includes('a stranger')) return false
        for (let from = 0; from + ids.length <= chosen.length; from++)
          if (!chosen.slice(from, from + ids.length).includes(always)) return false
        return true
      }),
    )
  },
)

t.test('random gives each agent the same share of the chances', async (t) => {
  holds(
    t,
    fc.property(names, (ids) => {
      const agents = ids.map((id) => contender(id))
      const n = 20 * ids.length
      const chosen = Array.from({ length: n }, (_, i) =>
        createBalancer('random', () => i / n).choose(anyTask(), agents),
      )
      return ids.every((id) => chosen.filter((one) => one === id).length === 20)
    }),
  )
})
