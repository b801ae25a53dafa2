import t from 'tap'
import type { Candidate } from '../../../src/supervisor/domain/ports.ts'
import type { OpenStore } from '../support.ts'
import { add, first, giveBack, someone, spec, t0, take, verdictOf } from '../support.ts'

export function claimRules(open: OpenStore): void {
  const bob = { id: 'bob', labels: [] }

  t.test('tasks go in rank order, and first come first served within a rank', async (t) => {
    const store = open(t)
    await store.enqueue(
      (['low', 'normal', 'critical', 'high', 'normal', 'critical'] as const).map((priority) =>
        spec({ priority }),
      ),
      t0,
    )
    const order: string[] = []
    for (let index = 0; index < 6; index += 1) order.push((await take(store)).id)
    t.strictSame(order, ['t3', 't6', 't4', 't2', 't5', 't1'])
    t.strictSame(await store.claim([someone], first, 1, t0), [], 'then there is nothing left')
  })

  t.test('an old low task goes before a new critical one in the end', async (t) => {
    const store = open(t)
    await add(store, { priority: 'low' }, t0)
    await add(store, { priority: 'critical' }, t0 + 5 * 3_600_000 + 1)
    t.equal((await take(store)).id, 't1')
  })

  t.test('a claim is a new fence, a counted attempt and an event with the wait', async (t) => {
    const store = open(t)
    await add(store, { priority: 'high', prompt: 'the text' }, t0)
    const [task] = await store.claim([someone], first, 1, t0 + 40)
    t.match(task, {
      id: 't1',
      state: 'running',
      prompt: 'the text',
      fence: 1,
      attempt: 1,
      agent: 'ann',
      startedAt: t0 + 40,
      want: null,
    })
    t.strictSame(task, store.task('t1'))
    t.match(store.eventsSince(1, 9), [
      {
        type: 'TaskStarted',
        taskId: 't1',
        agentId: 'ann',
        at: t0 + 40,
        data: { fence: 1, attempt: 1, waitMs: 40, priority: 'high' },
      },
    ])
    await store.record(verdictOf(task!, 'not_started'), () => giveBack(), t0 + 50)
    const again = await take(store, t0 + 60)
    t.match(again, { fence: 2, attempt: 1, starts: 2, reason: null })
    t.strictSame(again, store.task('t1'))
    const { data } = store.eventsSince(0, 9, ['TaskStarted'])[1]!
    t.equal(data['waitMs'], 10, 'the wait begins when it became ready, not when it was stored')
  })

  t.test('an agent gets only what it serves: any, its name, its labels', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ require: ['gpu', 'rust'] }),
        spec({ affinity: ['bob', 'eve'], affinityMode: 'required' }),
        spec({ require: ['gpu'] }),
        spec({ affinity: ['ann'], affinityMode: 'required', require: ['py'] }),
        spec({ affinity: ['eve'] }),
      ],
      t0,
    )
    const taken: string[] = []
    for (let index = 0; index < 3; index += 1) taken.push((await take(store)).id)
    t.strictSame(taken, ['t3', 't4', 't5'])
    t.strictSame(await store.claim([someone], first, 1, t0), [])
    t.equal((await take(store, t0, bob)).id, 't2')
    t.equal(store.task('t1').state, 'ready', 'nobody has rust: it waits and holds nobody up')
  })

  t.test('one call gives each agent at most one task, over all lanes in rank order', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ require: ['gpu'] }),
        spec(),
        spec({ require: ['gpu'], priority: 'high' }),
        spec({ priority: 'critical' }),
        spec(),
      ],
      t0,
    )
    const seen: [string, string[]][] = []
    const tasks = await store.claim(
      [bob, someone, { id: 'cy', labels: ['gpu'] }],
      (task, eligible) => {
        seen.push([task.id, eligible.map((one) => one.id)])
        return eligible.at(-1)!.id
      },
      10,
      t0,
    )
    t.strictSame(seen, [
      ['t4', ['bob', 'ann', 'cy']],
      ['t3', ['ann']],
      ['t2', ['bob']],
    ])
    t.strictSame(
      tasks.map(({ id, agent }) => [id, agent]),
      [
        ['t4', 'cy'],
        ['t3', 'ann'],
        ['t2', 'bob'],
      ],
    )
  })

  t.test('a claim stops at its limit', async (t) => {
    const store = open(t)
    await store.enqueue([spec(), spec(), spec()], t0)
    t.equal((await store.claim([someone, bob], first, 1, t0)).length, 1)
    t.equal((await store.claim([someone, bob], first, 0, t0)).length, 0)
    t.equal((await store.claim([], first, 5, t0)).length, 0)
    t.equal(store.taskCounts().running, 1)
  })

  t.test('choose may leave a task: its lane is put aside and the others go on', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ priority: 'critical', prompt: 'not now' }),
        spec(),
        spec({ require: ['gpu'], metadata: { whole: true } }),
      ],
      t0,
    )
    const tasks = await store.claim(
      [someone],
      (task) => (task.prompt === 'not now' ? null : task.spec.metadata['whole'] ? 'ann' : null),
      5,
      t0,
    )
    t.strictSame(
      tasks.map((task) => task.id),
      ['t3'],
    )
    t.match(store.taskCounts(), { ready: 2, running: 1 })
  })

  t.test('a choice that is none, or that throws, leaves nothing claimed', async (t) => {
    const store = open(t)
    await store.enqueue([spec(), spec({ require: ['gpu'] })], t0)
    let asked = 0
    const wrong = (_: unknown, eligible: readonly Candidate[]) =>
      (asked += 1) === 1 ? eligible[0]!.id : 'eve'
    await t.rejects(store.claim([someone, { id: 'cy', labels: ['gpu'] }], wrong, 5, t0), {
      code: 'SQUADD_INTERNAL',
    })
    await t.rejects(
      store.claim(
        [someone],
        () => {
          throw new Error('boom')
        },
        5,
        t0,
      ),
      { message: 'boom' },
    )
    t.match(store.taskCounts(), { ready: 2, running: 0 })
    t.equal(store.task('t1').fence, 0)
  })
}
