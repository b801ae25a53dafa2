import t from 'tap'
import type { OpenStore } from '../support.ts'
import {
  add,
  backOff,
  fail,
  finish,
  giveBack,
  hold,
  minute,
  spec,
  succeed,
  t0,
} from '../support.ts'

export function dependencyRules(open: OpenStore): void {
  t.test('a batch may name its tasks in any order', async (t) => {
    const store = open(t)
    const [last, middle, begin] = await store.enqueue(
      [spec({ after: ['b', 'a'] }), spec({ ref: 'b', after: ['a'] }), spec({ ref: 'a' })],
      t0,
    )
    t.strictSame([last!.state, middle!.state, begin!.state], ['blocked', 'blocked', 'ready'])
    t.equal((await finish(store, succeed())).id, begin!.id)
    t.equal(store.task(last!.id).state, 'blocked', 'one of its two parents is left')
    t.equal((await finish(store, succeed())).id, middle!.id)
    t.equal((await finish(store, succeed())).id, last!.id)
  })

  t.test('a ref is used once, and every name in after must be known', async (t) => {
    const store = open(t)
    const refused = (specs: ReturnType<typeof spec>[], message: RegExp, index: number) =>
      t.rejects(store.enqueue(specs, t0), { code: 'SQUADD_INVALID', message, data: { index } })
    await refused([spec({ ref: 'a' }), spec({ ref: 'a' })], /ref "a" is used twice/, 1)
    await refused([spec(), spec({ after: ['b'] })], /after "b" is neither a task nor a ref/, 1)
    await refused([spec({ after: ['t999999999999999'] })], /does not exist/, 0)
  })

  t.test('a circle is refused and named', async (t) => {
    const store = open(t)
    await t.rejects(store.enqueue([spec({ ref: 'me', after: ['me'] })], t0), {
      code: 'SQUADD_INVALID',
      message: /makes a cycle: me → me/,
      data: { field: 'after', index: 0, refs: ['me'] },
    })
    const knot = [
      spec({ ref: 'free' }),
      spec({ ref: 'tail', after: ['a'] }),
      spec({ ref: 'a', after: ['free', 'c'] }),
      spec({ ref: 'b', after: ['a'] }),
      spec({ ref: 'c', after: ['b'] }),
    ]
    await t.rejects(store.enqueue(knot, t0), { message: /a → c → b → a/ })
    const ring = Array.from({ length: 20_000 }, (_, index) =>
      spec({ ref: `r${index}`, after: [`r${(index + 1) % 20_000}`] }),
    )
    await t.rejects(store.enqueue(ring, t0), { message: /r0 → r1 → .{0,100};/ }, 'a long one too')
    const twice = [spec({ ref: 'x', key: 'k' }), spec({ ref: 'y', after: ['x'] })]
    await store.enqueue(twice, t0)
    await t.rejects(
      store.enqueue([spec({ key: 'n', ref: 'p', after: ['q'] }), spec({ key: 'n', ref: 'q' })], t0),
      { message: /cycle: p → p/ },
      'two names of one task',
    )
    t.equal(store.tasks({}).length, 2)
  })

  t.test(
    'a parent that has completed does not block, one that cannot any more is refused',
    async (t) => {
      const store = open(t)
      await add(store)
      await finish(store, succeed())
      t.equal((await add(store, { after: ['t1'] })).state, 'ready')
      await finish(store, fail())
      const retryHint = /after "t2" has failed; retry t2 first, or set onParentFailure to run/
      await t.rejects(add(store, { after: ['t2'] }), { code: 'SQUADD_INVALID', message: retryHint })
      await t.rejects(add(store, { after: ['t2'], onParentFailure: 'hold' }), {
        message: retryHint,
      })
      t.equal((await add(store, { after: ['t2'], onParentFailure: 'run' })).state, 'ready')
      await store.cancel('t3', 'no', t0)
      await t.rejects(add(store, { after: ['t3'] }), { message: /after "t3" was cancelled/ })
    },
  )

  t.test('a freed child still waits for its own start time', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ ref: 'a' }),
        spec({ after: ['a'], notBeforeAt: t0 + minute }),
        spec({ after: ['a'] }),
      ],
      t0,
    )
    await finish(store, succeed(), t0 + 9)
    t.strictSame([store.task('t2').state, store.task('t3').state], ['delayed', 'ready'])
    t.match(store.taskCounts(), { blocked: 0, delayed: 1, ready: 1, completed: 1 })
    const [started] = await store.claim([{ id: 'x', labels: [] }], () => 'x', 1, t0 + 20)
    t.equal(started!.id, 't3')
    const event = store.eventsSince(0, 100, ['TaskStarted']).at(-1)
    t.equal(event!.data['waitMs'], 11, 'its wait began when it became ready')
  })

  t.test('when a parent fails, each child does as it says, and so on down the line', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ ref: 'root' }),
        spec({ ref: 'cancelled', after: ['root'] }),
        spec({ ref: 'held', after: ['root'], onParentFailure: 'hold' }),
        spec({ ref: 'runs', after: ['root'], onParentFailure: 'run' }),
        spec({ ref: 'grandchild', after: ['cancelled'] }),
        spec({ after: ['held'] }),
        spec({ after: ['grandchild', 'runs'], onParentFailure: 'hold' }),
        spec({ after: ['root', 'runs'], onParentFailure: 'run' }),
      ],
      t0,
    )
    await finish(store, fail())
    t.strictSame(
      store
        .tasks({})
        .map(({ id, state, reason }) => [id, state, reason])
        .reverse(),
      [
        ['t1', 'failed', 'it broke'],
        ['t2', 'cancelled', 'its parent t1 failed'],
        ['t3', 'held', 'its parent t1 failed'],
        ['t4', 'ready', null],
        ['t5', 'cancelled', 'its parent t2 was cancelled'],
        ['t6', 'blocked', null],
        ['t7', 'held', 'its parent t5 was cancelled'],
        ['t8', 'blocked', null],
      ],
    )
    t.strictSame(
      store.eventsSince(8, 100).map(({ type, taskId }) => `${type} ${taskId}`),
      [
        'TaskStarted t1',
        'TaskFailed t1',
        'TaskCancelled t2',
        'TaskHeld t3',
        'TaskCancelled t5',
        'TaskHeld t7',
      ],
    )
    t.match(store.taskCounts(), { failed: 1, cancelled: 2, held: 2, ready: 1, blocked: 2 })
    await finish(store, succeed())
    t.equal(store.task('t8').state, 'ready')
  })

  t.test('a long line of children falls without a deep call stack', async (t) => {
    const store = open(t)
    const line = Array.from({ length: 2000 }, (_, index) =>
      spec({ ref: `n${index}`, after: index === 0 ? [] : [`n${index - 1}`] }),
    )
    await store.enqueue(line, t0)
    await store.cancel('t1', 'enough', t0)
    t.equal(store.taskCounts().cancelled, 2000)
    t.equal(store.task('t2000').reason, 'its parent t1999 was cancelled')
  })

  t.test('an attempt that goes back to the queue says nothing to the children', async (t) => {
    const store = open(t)
    await store.enqueue([spec({ ref: 'a' }), spec({ after: ['a'] })], t0)
    await finish(store, giveBack())
    await finish(store, backOff(t0))
    await store.promote(t0)
    await finish(store, hold())
    t.equal(store.task('t2').state, 'blocked')
  })

  t.test('a released task does without its failed parents, but waits for the others', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ ref: 'bad' }),
        spec({ ref: 'good', priority: 'low' }),
        spec({ after: ['bad', 'good'], onParentFailure: 'hold' }),
        spec({ after: ['bad'], onParentFailure: 'hold' }),
      ],
      t0,
    )
    await finish(store, fail())
    t.equal((await store.release('t3', t0)).state, 'blocked')
    t.equal((await store.release('t4', t0)).state, 'ready')
    await store.retry('t1', t0)
    await finish(store, succeed())
    t.equal(store.task('t3').state, 'blocked', 'the parent it did without does not count twice')
    await store.cancel('t4', 'no', t0)
    await finish(store, succeed())
    t.equal(store.task('t3').state, 'ready')
  })

  t.test('a held child that its retried parent has freed is released at once', async (t) => {
    const store = open(t)
    await store.enqueue([spec({ ref: 'a' }), spec({ after: ['a'], onParentFailure: 'hold' })], t0)
    await finish(store, fail())
    await store.retry('t1', t0)
    await finish(store, succeed())
    t.equal(store.task('t2').state, 'held', 'a person has to say so')
    t.equal((await store.release('t2', t0)).state, 'ready')
  })

  t.test('a retried task waits for its parents again, and not for one that is gone', async (t) => {
    const store = open(t)
    await store.enqueue([spec({ ref: 'a' }), spec({ after: ['a'] })], t0)
    await finish(store, fail())
    await t.rejects(store.retry('t2', t0), {
      code: 'SQUADD_CONFLICT',
      message: /task t2 cannot be retried, its parent t1 failed; retry t1 first/,
    })
    await store.retry('t1', t0)
    t.equal((await store.retry('t2', t0)).state, 'blocked')
    await finish(store, succeed())
    t.equal(store.task('t2').state, 'ready')
    await store.cancel('t2', 'no', t0)
    t.equal((await store.retry('t2', t0)).state, 'ready')
  })

  t.test('a child that runs in any case may be retried while its parent is failed', async (t) => {
    const store = open(t)
    await store.enqueue([spec({ ref: 'a' }), spec({ after: ['a'], onParentFailure: 'run' })], t0)
    await finish(store, fail())
    await finish(store, fail())
    t.equal((await store.retry('t2', t0)).state, 'ready')
  })
}
