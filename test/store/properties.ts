import fc from 'fast-check'
import t from 'tap'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Candidate, Settlement, Store } from '../../src/supervisor/domain/ports.ts'
import type { Task, TaskInput, TaskState } from '../../src/supervisor/domain/task.ts'
import { taskStates } from '../../src/supervisor/domain/task.ts'
import { serves } from '../../src/supervisor/policy/scheduler.ts'
import type { Answer } from './model.ts'
import { Model } from './model.ts'
import type { OpenStore } from './support.ts'
import {
  backOff,
  fail,
  first,
  giveBack,
  hold,
  minute,
  spec,
  succeed,
  t0,
  verdictOf,
} from './support.ts'

const agents: Candidate[] = [
  { id: 'ann', labels: ['gpu', 'py'] },
  { id: 'bob', labels: ['py'] },
  { id: 'cy', labels: [] },
]

const routing = fc.record(
  {
    priority: fc.constantFrom('low', 'normal', 'high', 'critical'),
    affinity: fc.constantFrom(['ann'], ['bob', 'cy']),
    affinityMode: fc.constantFrom('required', 'preferred'),
    require: fc.constantFrom(['py'], ['gpu', 'py']),
    deadlineAt: fc.integer({ min: 0, max: 60 }).map((minutes) => t0 + minutes * minute),
  },
  { requiredKeys: ['affinity'] },
) satisfies fc.Arbitrary<Partial<TaskInput>>

/** Closes the store that a run of a property opened. */
const ends = () => {
  const all: (() => unknown)[] = []
  return {
    teardown: (end: () => unknown) => all.push(end),
    run: () => Promise.all(all.map((end) => end())),
  }
}

/** Goes down the whole queue and gives each task to the first idle agent that may take it. */
function handOut(ready: readonly Task[], idle: readonly Candidate[]): string {
  const given = new Map<Candidate, Task>()
  for (const task of ready) {
    const agent = idle.find((one) => !given.has(one) && serves(one, task.lane))
    if (agent) given.set(agent, task)
  }
  return [...given].map(([agent, task]) => `${task.id} to ${agent.id}`).join(', ')
}

async function claimsInOrder(
  store: Store,
  steps: ({ put: Partial<TaskInput> } | { cancel: number } | { idle: Candidate[] })[],
): Promise<void> {
  let now = t0
  for (const step of steps) {
    now += 20_000
    if ('put' in step) {
      await store.enqueue([spec(step.put)], now)
      continue
    }
    const ready = store
      .tasks({ state: 'ready', limit: 1000 })
      .toSorted((a, b) => a.rank - b.rank || Number(a.id.slice(1)) - Number(b.id.slice(1)))
    if ('cancel' in step) {
      const chosen = ready[step.cancel % Math.max(1, ready.length)]
      if (chosen) await store.cancel(chosen.id, '', now)
      continue
    }
    const claimed = await store.claim(step.idle, first, 9, now)
    const given = claimed.map(({ id, agent }) => `${id} to ${agent}`).join(', ')
    same(given, handOut(ready, step.idle), 'what was given out')
  }
}

/** One step of a life of the queue; numbers choose among what is there at that moment. */
type Step =
  | { do: 'enqueue'; batch: { input: Partial<TaskInput>; after: number[] }[]; inBatch: number }
  | { do: 'claim'; agent: number }
  | { do: 'record'; task: number; stale: number; settlement: Settlement; outcome: number }
  | { do: 'cancel' | 'release' | 'retry'; task: number }
  | { do: 'askStop'; task: number; stale: number }
  | { do: 'promote'; afterMs: number }

const input = fc.record(
  {
    priority: fc.constantFrom('low', 'critical'),
    require: fc.constantFrom(['py'], ['gpu']),
    onParentFailure: fc.constantFrom('hold', 'run', 'cancel'),
    notBeforeAt: fc.constantFrom(t0 + 1000, t0 + 5000),
  },
  { requiredKeys: [] },
) satisfies fc.Arbitrary<Partial<TaskInput>>

const settlement = fc.oneof(
  { weight: 4, arbitrary: fc.constant(succeed()) },
  { weight: 3, arbitrary: fc.constant(fail()) },
  fc.constant({ signal: 'cancel', reason: 'as asked' } as const),
  fc.constant(hold()),
  fc.boolean().map((counts) => giveBack(counts)),
  fc.tuple(fc.constantFrom(0, 3000), fc.boolean()).map(([ms, counts]) => backOff(t0 + ms, counts)),
)

const which = fc.nat({ max: 30 })
// Mostly the true fence, at times one too old or one that was never given.
const stale = fc.constantFrom(0, 0, 0, 0, 0, -1, 1)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      batch: fc.array(fc.record({ input, after: fc.array(which, { maxLength: 3 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      inBatch: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('claim' as const), agent: fc.nat({ max: 2 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      task: which,
      stale,
      settlement,
      outcome: fc.nat({ max: 6 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'release' as const, 'retry' as const),
      task: which,
    }),
  },
  fc.record({ do: fc.constant('askStop' as const), task: which, stale }),
  fc.record({ do: fc.constant('promote' as const), afterMs: fc.constantFrom(0, 2000) }),
)

const outcomes = [
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'preempted',
  'not_started',
  'unknown',
] as const

/** Tells the model and the store the same; answers what the model says and what the store will. */
function apply(model: Model, store: Store, one: Step): [Answer, Promise<Answer>] {
  const { now } = model
  const shown = (tasks: { id: string; state: TaskState }[]) =>
    tasks.map(({ id, state }) => `${id} ${state}`).join(', ')
  // Running tasks are the ones that most steps are about.
  const pick = (index: number) => {
    const running = model.tasks.filter((task) => task.state === 'running')
    const from = one.do === 'record' && running.length > 0 ? running : model.tasks
    return from[index % Math.max(1, from.length)] ?? { id: 't999', fence: 1 }
  }
  switch (one.do) {
    case 'enqueue': {
      const begin = model.tasks.length
      const specs = one.batch.map(({ input, after }, index) =>
        spec({
          ...input,
          ref: `r${begin + index}`,
          after: [
            ...after.flatMap((at) => (begin > 0 ? [model.tasks[at % begin]!.id] : [])),
            // Only earlier refs of the batch or, against the order, only later ones: no circle.
            ...(one.inBatch === 1 && index > 0 ? [`r${begin + index - 1}`] : []),
            ...(one.inBatch === 2 && index + 1 < one.batch.length ? [`r${begin + index + 1}`] : []),
          ],
        }),
      )
      return [model.enqueue(specs, now), store.enqueue(specs, now).then(shown)]
    }
    case 'claim': {
      const agent = agents[one.agent]!
      return [model.claim(agent), store.claim([agent], first, 1, now).then(shown)]
    }
    case 'record': {
      const { id, fence } = pick(one.task)
      const attempt = { id, fence: Math.max(1, fence + one.stale) }
      const verdict = verdictOf(attempt, outcomes[one.outcome]!)
      return [
        model.record(id, attempt.fence, one.settlement),
        store.record(verdict, () => one.settlement, now),
      ]
    }
    case 'askStop': {
      const { id, fence } = pick(one.task)
      const at = Math.max(1, fence + one.stale)
      return [model.askStop(id, at, 'preempted'), store.askStop(id, at, 'preempted').then(() => '')]
    }
    case 'promote':
      model.now += one.afterMs
      return [model.promote(), store.promote(model.now).then(String)]
    case 'cancel':
    case 'release':
    case 'retry': {
      const { id } = pick(one.task)
      const asked = one.do === 'cancel' ? store.cancel(id, '', now) : store[one.do](id, now)
      return [model[one.do](id), asked.then((task) => shown([task]))]
    }
  }
}

async function liveThrough(store: Store, turns: readonly (readonly Step[])[]): Promise<void> {
  const model = new Model()
  model.now = t0
  for (const turn of turns) {
    const answers: [Answer, Promise<Answer>][] = []
    for (const one of turn) {
      // A promotion looks at what is committed, so it has a turn of its own.
      if (one.do === 'promote') await Promise.allSettled(answers.map(([, told]) => told))
      const answer = apply(model, store, one)
      answer[1].catch(() => {})
      answers.push(answer)
      if (one.do === 'promote') await answer[1]
    }
    for (const [index, [expected, told]] of answers.entries()) {
      const got = await told.catch((error: unknown) => {
        if (error instanceof SquadError) return error.code
        throw error
      })
      same(got, expected, JSON.stringify(turn[index]))
    }
    sameTasks(store, model)
  }
  checkLog(store, model)
}

function sameTasks(store: Store, model: Model): void {
  const line = (task: {
    [K in 'id' | 'state' | 'fence' | 'attempt' | 'agent' | 'want']: unknown
  }) => [task.id, task.state, task.fence, task.attempt, task.agent, task.want].join(' ')
  const stored = store.tasks({ limit: 1000 }).toReversed()
  same(stored.map(line).join('\n'), model.tasks.map(line).join('\n'), 'the tasks')
  const counts = store.taskCounts()
  for (const state of taskStates)
    same(counts[state], stored.filter((task) => task.state === state).length, `count of ${state}`)
  for (const task of model.tasks)
    if (task.state === 'blocked' && [...task.waitsFor].every(({ state }) => state === 'completed'))
      throw new Error(`${task.id} is stuck`)
}

/** What the log alone must show, whatever the model says. */
function checkLog(store: Store, model: Model): void {
  const log = store.eventsSince(0, 100_000)
  const ended = new Map<string, string>()
  const fences = new Map<string, number>()
  let endings = 0
  for (const { type, taskId = '', data } of log) {
    if (type === 'TaskStarted') {
      same(Number(data['fence']), (fences.get(taskId) ?? 0) + 1, `fence of ${taskId}`)
      fences.set(taskId, Number(data['fence']))
      const { spec } = store.task(taskId)
      if (ended.has(taskId)) throw new Error(`${taskId} started after its end`)
      if (spec.onParentFailure === 'cancel')
        for (const parent of model.byId(taskId)!.freedOf)
          same(ended.get(parent.id), 'TaskCompleted', `${taskId} started before ${parent.id}`)
    }
    if (type === 'TaskReleased') ended.delete(taskId)
    if (type === 'TaskCompleted' || type === 'TaskFailed' || type === 'TaskCancelled') {
      if (ended.has(taskId)) throw new Error(`${taskId} ended twice`)
      ended.set(taskId, type)
      endings += 1
    }
  }
  same(endings, model.endings, 'endings in the log')
  const total = (name: string) =>
    store.counters().reduce((sum, one) => sum + (one.name === name ? one.value : 0), 0)
  same(total('finished'), endings, 'endings counted')
  same(total('submitted'), model.tasks.length, 'tasks counted')
}

type Plain = string | number | undefined

function same(got: Plain, expected: Plain, what: string): void {
  if (got !== expected) throw new Error(`${what}:\ngot      ${got}\nexpected ${expected}`)
}

export function storeProperties(open: OpenStore, runs: number): void {
  t.test('whoever is idle gets the first tasks of what it serves, in rank order', async () => {
    const putStep = routing.map((put) => ({ put }))
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: putStep },
        fc.record({ cancel: fc.nat({ max: 9 }) }),
        fc.record({ idle: fc.shuffledSubarray(agents) }),
      ),
      { minLength: 5, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const owner = ends()
        await claimsInOrder(open(owner), given)
        await owner.run()
      }),
      { numRuns: runs },
    )
  })

  t.test('the store lives through anything as its model does', async () => {
    const turns = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
      minLength: 5,
      maxLength: 30,
    })
    await fc.assert(
      fc.asyncProperty(turns, async (given) => {
        const owner = ends()
        await liveThrough(open(owner), given)
        await owner.run()
      }),
      { numRuns: runs },
    )
  })
}
