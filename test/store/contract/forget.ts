import t from 'tap'
import type { OpenStore } from '../support.ts'
import { add, fail, finish, hold, minute, spec, succeed, t0, take, verdictOf } from '../support.ts'

export function forgetRules(open: OpenStore): void {
  t.test('ended tasks are forgotten once they are old, with all that lies beside', async (t) => {
    const store = open(t)
    const old = await add(store, { key: 'k' })
    await finish(store, succeed(), t0)
    const failed = await add(store)
    await finish(store, fail(), t0)
    const young = await add(store)
    const late = verdictOf(await take(store), 'succeeded', { endedAt: t0 + 2 * minute })
    await store.record(late, succeed, t0 + 2 * minute)
    const held = await add(store)
    await finish(store, hold(), t0)
    const running = await add(store)
    await take(store, t0)
    t.equal(await store.forget(t0), 0, 'they are not older than that')
    t.equal(await store.forget(t0 + minute), 2)
    for (const { id } of [old, failed])
      t.throws(() => store.task(id), { code: 'SQUADD_NOT_FOUND' }, id)
    for (const { id } of [young, held, running]) t.match(store.task(id), { id })
    t.match(store.taskCounts(), { completed: 1, failed: 0, held: 1, running: 1 })
    t.equal(
      await store.record(verdictOf({ id: old.id, fence: 1 }), succeed, t0),
      'late',
      'its result comes too late',
    )
    const again = await add(store, { key: 'k' })
    t.ok(Number(again.id.slice(1)) > Number(running.id.slice(1)), 'its key is free, its id is not')
    t.equal(await store.forget(t0 + minute), 0)
  })

  t.test('a task that another one waits for is kept', async (t) => {
    const store = open(t)
    const parent = await add(store)
    const other = await add(store)
    const child = await add(store, { after: [parent.id, other.id] })
    await finish(store, succeed(), t0)
    t.equal(await store.forget(t0 + minute), 0)
    t.match(store.parents(child.id), [{ id: parent.id }, { id: other.id }])
    await finish(store, succeed(), t0)
    await finish(store, succeed(), t0)
    t.equal(await store.forget(t0 + minute), 3)
  })

  t.test('many are forgotten in short steps', async (t) => {
    const store = open(t)
    for (let i = 0; i < 250; i++) await add(store)
    for (let i = 0; i < 250; i++) await store.cancel(`t${i + 1}`, 'not needed', t0)
    t.equal(await store.forget(t0 + minute), 250)
    t.match(store.taskCounts(), { cancelled: 0 })
  })

  t.test('many that have to stay keep no newer one from being forgotten', async (t) => {
    // More than one call looks at.
    const many = 2500
    const store = open(t, { taskQueueSize: 2 * many })
    const parents = Array.from({ length: many }, (_, i) => spec({ ref: `r${i}` }))
    const after = parents.map(({ ref }) => ref!)
    await store.enqueue([...parents, spec({ after, onParentFailure: 'hold' })], t0)
    const newer = await add(store)
    const old = [...after.map((_, i) => `t${i + 1}`), newer.id]
    await Promise.all(old.map((id) => store.cancel(id, 'not needed', t0)))
    t.match(store.taskCounts(), { cancelled: many + 1, held: 1 })
    t.equal(await store.forget(t0 + minute), 0, 'those that come first have to stay')
    t.equal(await store.forget(t0 + minute), 1)
    t.throws(() => store.task(newer.id), { code: 'SQUADD_NOT_FOUND' })
    const next = await add(store)
    await store.cancel(next.id, 'not needed', t0)
    t.equal((await store.forget(t0 + minute)) + (await store.forget(t0 + minute)), 1, 'ever again')
    await store.cancel(`t${many + 1}`, 'not needed', t0)
    let gone = 0
    for (let n = 1; n > 0; gone += n) n = await store.forget(t0 + minute)
    t.equal(gone, many + 1, 'and nothing is left when nobody waits')
  })
}
