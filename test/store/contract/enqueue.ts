import t from 'tap'
import type { OpenStore } from '../support.ts'
import {
  add,
  counted,
  finish,
  first,
  minute,
  someone,
  spec,
  succeed,
  t0,
  take,
} from '../support.ts'

export function enqueueRules(open: OpenStore): void {
  t.test('a task is stored whole and read back as it was answered', async (t) => {
    const store = open(t)
    const task = await add(store, {
      prompt: 'Grüße, 世界 🚀\n\t"quoted" \\ and a NUL: \0 end',
      priority: 'high',
      affinity: ['bob', 'ann'],
      affinityMode: 'required',
      require: ['py', 'gpu'],
      timeoutMs: 5,
      retries: 2,
      verify: ['npm', 'test'],
      key: 'order-66',
      ref: 'build',
      metadata: { deep: { list: [1, null, 'x'], '': true } },
    })
    t.match(task, {
      id: 't1',
      state: 'ready',
      priority: 'high',
      rank: t0 + minute,
      lane: 'agent:ann+bob;label:gpu+py',
      fence: 0,
      attempt: 0,
      agent: null,
      createdAt: t0,
      spec: { timeoutMs: 5, retries: 2, verify: ['npm', 'test'], key: 'order-66', ref: 'build' },
    })
    t.equal(task.prompt, 'Grüße, 世界 🚀\n\t"quoted" \\ and a NUL: \0 end')
    t.strictSame(task.spec.metadata, { deep: { list: [1, null, 'x'], '': true } })
    t.strictSame(store.task('t1'), task)
    t.notOk('prompt' in task.spec || 'priority' in task.spec)
  })

  t.test('a task that does not exist is not found, whatever its name', (t) => {
    const store = open(t)
    for (const id of ['t1', 't999999999999999', 'x', '', 't0', 't1; drop table task'])
      t.throws(() => store.task(id), { code: 'SQUADD_NOT_FOUND' })
    t.end()
  })

  t.test(
    'rank is the priority and the age in one number, a deadline only brings it forward',
    async (t) => {
      const store = open(t)
      const ranks = await store.enqueue(
        [
          spec({ priority: 'critical' }),
          spec({ priority: 'normal' }),
          spec({ priority: 'low' }),
          spec({ priority: 'low', deadlineAt: t0 + 7 }),
          spec({ priority: 'critical', deadlineAt: t0 + 7 }),
        ],
        t0,
      )
      const offsets = ranks.map((task) => task.rank - t0)
      t.strictSame(offsets, [-60 * minute, 15 * minute, 240 * minute, 7, -60 * minute])
    },
  )

  t.test('a task is born delayed before its start time, and ready from it on', async (t) => {
    const store = open(t)
    t.match(await add(store, { notBeforeAt: t0 + 1 }), { state: 'delayed', notBeforeAt: t0 + 1 })
    t.match(await add(store, { notBeforeAt: t0 }), { state: 'ready' })
    t.match(store.taskCounts(), { delayed: 1, ready: 1 })
  })

  t.test(
    'a batch is stored whole or not at all, and the error says which spec it was',
    async (t) => {
      const store = open(t)
      await t.rejects(store.enqueue([spec(), spec(), spec({ after: ['t77'] })], t0), {
        code: 'SQUADD_INVALID',
        message: /after "t77" does not exist/,
        data: { field: 'after', index: 2 },
      })
      const circular: Record<string, unknown> = {}
      circular['self'] = circular
      await t.rejects(store.enqueue([spec(), spec({ metadata: circular })], t0), {
        code: 'SQUADD_INVALID',
        data: { field: 'metadata', index: 1 },
      })
      t.strictSame(store.tasks({}), [])
      t.equal(store.taskCounts().ready, 0)
      t.strictSame(store.counters(), [])
      t.strictSame(store.eventRange(), { first: 1, last: 0 })
      t.strictSame(await store.enqueue([], t0), [])
    },
  )

  t.test('a full queue refuses the whole batch and says what to do', async (t) => {
    const store = open(t, { taskQueueSize: 3 })
    const [parent] = await store.enqueue([spec(), spec({ notBeforeAt: t0 + minute })], t0)
    await t.rejects(store.enqueue([spec(), spec()], t0), {
      code: 'SQUADD_QUEUE_FULL',
      message: /2 tasks wait, 2 more would pass the limit of 3; try again .*taskQueueSize/,
      data: { waiting: 2, fresh: 2, limit: 3 },
    })
    await add(store, { after: [parent!.id] })
    await t.rejects(add(store), { code: 'SQUADD_QUEUE_FULL' })
    await take(store)
    await add(store)
    t.match(store.taskCounts(), { blocked: 1, delayed: 1, ready: 1, running: 1 })
  })

  t.test('the same key answers with the first task again and stores nothing', async (t) => {
    const store = open(t, { taskQueueSize: 2 })
    const [a, b] = await store.enqueue([spec({ key: 'k', prompt: 'first' }), spec()], t0)
    const again = await store.enqueue([spec({ key: 'k', prompt: 'second' })], t0 + 1)
    t.strictSame(again, [a], 'also when the queue is full')
    await finish(store, succeed())
    const mixed = await store.enqueue(
      [spec(), spec({ key: 'k' }), spec({ key: 'n' })].slice(0, 2),
      t0,
    )
    t.strictSame(
      mixed.map(({ id, state }) => [id, state]),
      [
        ['t3', 'ready'],
        ['t1', 'completed'],
      ],
      'each in its place, as it is now',
    )
    t.equal(b!.id, 't2')
  })

  t.test('a key that comes twice in one batch is one task', async (t) => {
    const store = open(t, { taskQueueSize: 2 })
    const batch = [
      spec({ key: 'k', ref: 'a' }),
      spec({ key: 'k', ref: 'b' }),
      spec({ after: ['a', 'b'] }),
    ]
    const [one, two, three] = await store.enqueue(batch, t0)
    t.strictSame(one, two)
    t.equal(three!.state, 'blocked')
    await finish(store, succeed())
    t.equal(store.task(three!.id).state, 'ready', 'it waited for one task, not for two')
    t.equal(store.tasks({}).length, 2)
  })

  t.test('the counts know every state, and the tasks that were submitted', async (t) => {
    const store = open(t)
    t.strictSame(store.taskCounts(), {
      blocked: 0,
      delayed: 0,
      ready: 0,
      running: 0,
      held: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    })
    await store.enqueue([spec(), spec({ priority: 'low' }), spec()], t0)
    t.strictSame(counted(store, 'submitted'), ['submitted low 1', 'submitted normal 2'])
  })

  t.test('tasks are listed newest first, page by page', async (t) => {
    const store = open(t)
    await store.enqueue(
      Array.from({ length: 7 }, () => spec()),
      t0,
    )
    await store.claim([someone, { id: 'bob', labels: [] }], first, 2, t0)
    const ids = (filter: Parameters<typeof store.tasks>[0]) =>
      store.tasks(filter).map((task) => task.id)
    t.strictSame(ids({ limit: 3 }), ['t7', 't6', 't5'])
    t.strictSame(ids({ limit: 3, before: 't5' }), ['t4', 't3', 't2'])
    t.strictSame(ids({ state: 'ready', limit: 2, before: 't6' }), ['t5', 't4'])
    t.strictSame(ids({ state: 'running' }), ['t2', 't1'])
    t.strictSame(ids({ agent: 'bob' }), ['t2'])
    t.strictSame(ids({ agent: 'bob', state: 'ready' }), [])
    t.equal(ids({ limit: Number.MAX_SAFE_INTEGER }).length, 7)
    t.throws(() => store.tasks({ limit: 0 }), { code: 'SQUADD_INVALID', data: { field: 'limit' } })
    t.throws(() => store.tasks({ before: 'x' }), { code: 'SQUADD_INVALID' })
  })

  t.test('the oldest ready task is known by its age', async (t) => {
    const store = open(t)
    t.equal(store.oldestReadyAt(), null)
    await add(store, { priority: 'low' }, t0)
    await add(store, { priority: 'critical' }, t0 + 5)
    t.equal(store.oldestReadyAt(), t0)
    await take(store)
    await take(store)
    t.equal(store.oldestReadyAt(), null)
  })
}
