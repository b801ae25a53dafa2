import t from 'tap'
import type { OpenStore } from '../support.ts'
import { add, counted, first, someone, spec, succeed, t0, verdictOf } from '../support.ts'

export function commitRules(open: OpenStore): void {
  t.test('of the writes of one turn, one that fails is undone alone', async (t) => {
    const store = open(t)
    // Found only when the first task of its batch is stored already.
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const heard: string[] = []
    store.onCommitted((events) => heard.push(...events.map(({ taskId }) => taskId ?? '')))
    const results = await Promise.allSettled([
      add(store),
      store.claim(
        [someone],
        () => {
          throw new Error('boom')
        },
        1,
        t0,
      ),
      store.enqueue([spec(), spec({ after: ['nobody'] })], t0),
      store.enqueue([spec(), spec({ metadata: circular })], t0),
      add(store),
      store.release('t1', t0),
    ])
    t.strictSame(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled', 'rejected'],
    )
    t.strictSame(
      store.tasks({}).map(({ id, state }) => `${id} ${state}`),
      ['t2 ready', 't1 ready'],
    )
    t.match(store.taskCounts(), { ready: 2, running: 0 })
    t.strictSame(heard, ['t1', 't2'])
    t.strictSame(counted(store, 'submitted'), ['submitted normal 2'])
  })

  t.test(
    'the writes of one turn see each other, in the order in which they were made',
    async (t) => {
      const store = open(t, { taskQueueSize: 1 })
      const [stored, claimed, ended, next, refused] = await Promise.allSettled([
        store.enqueue([spec()], t0),
        store.claim([someone], first, 1, t0),
        store.record(verdictOf({ id: 't1', fence: 1 }), succeed, t0),
        store.enqueue([spec()], t0),
        store.enqueue([spec()], t0),
      ])
      t.match(stored, { value: [{ id: 't1', state: 'ready' }] })
      t.match(claimed, { value: [{ id: 't1', state: 'running' }] })
      t.match(ended, { value: 'recorded' })
      t.match(next, { value: [{ id: 't2' }] })
      t.match(refused, { reason: { code: 'SQUADD_QUEUE_FULL' } })
    },
  )

  t.test('more writes than fit into one commit are all stored', async (t) => {
    const store = open(t)
    const tasks = await Promise.all(Array.from({ length: 1201 }, () => add(store)))
    t.equal(new Set(tasks.map(({ id }) => id)).size, 1201)
    t.equal(store.taskCounts().ready, 1201)
  })

  t.test('a write from within a decision waits for the next turn', async (t) => {
    const store = open(t)
    await add(store)
    let inner: Promise<unknown> = Promise.resolve()
    await store.claim(
      [someone],
      (_, [one]) => {
        inner = add(store)
        return one!.id
      },
      1,
      t0,
    )
    await inner
    t.match(store.taskCounts(), { running: 1, ready: 1 })
  })

  t.test('closing commits what waits, then refuses everything', async (t) => {
    const store = open(t)
    let heard = 0
    store.onCommitted((events) => (heard += events.length))
    const last = add(store)
    const closed = store.close()
    t.equal((await last).id, 't1')
    await closed
    t.equal(heard, 1)
    await t.rejects(add(store), { code: 'SQUADD_SHUTTING_DOWN' })
    await t.rejects(store.promote(t0), { code: 'SQUADD_SHUTTING_DOWN' })
    t.throws(() => store.taskCounts(), { code: 'SQUADD_SHUTTING_DOWN' })
    await store.close()
  })
}
