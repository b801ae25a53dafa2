import t from 'tap'
import type { SquadEvent } from '../../../src/supervisor/domain/event.ts'
import type { OpenStore } from '../support.ts'
import { add, counted, spec, t0, verdictOf } from '../support.ts'

export function eventRules(open: OpenStore): void {
  const paused = (agentId: string) => ({ type: 'AgentPaused', agentId }) as const

  t.test('events are numbered, kept whole, and read from any number on', async (t) => {
    const store = open(t)
    await store.append([paused('a'), { type: 'SystemMetrics', data: { load: [0.5] } }], t0)
    await store.append([paused('b')], t0 + 1)
    t.strictSame(store.eventsSince(0, 9), [
      { type: 'AgentPaused', agentId: 'a', seq: 1, at: t0, data: {} },
      { type: 'SystemMetrics', seq: 2, at: t0, data: { load: [0.5] } },
      { type: 'AgentPaused', agentId: 'b', seq: 3, at: t0 + 1, data: {} },
    ])
    t.strictSame(
      store.eventsSince(1, 1).map(({ seq }) => seq),
      [2],
    )
    t.strictSame(store.eventsSince(3, 9), [])
    t.strictSame(
      store.eventsSince(0, 9, ['AgentPaused']).map(({ seq }) => seq),
      [1, 3],
    )
    t.strictSame(store.eventsSince(0, 9, ['AgentPaused', 'SystemMetrics']).length, 3)
    t.strictSame(store.eventsSince(0, 9, []), [], 'no type, no event')
  })

  t.test('all but the newest events are deleted, and no number comes back', async (t) => {
    const store = open(t)
    t.strictSame(store.eventRange(), { first: 1, last: 0 })
    await store.trimEvents(10)
    await store.append(
      Array.from({ length: 1234 }, () => paused('a')),
      t0,
    )
    t.strictSame(store.eventRange(), { first: 1, last: 1234 })
    await store.trimEvents(2000)
    t.strictSame(store.eventRange(), { first: 1, last: 1234 })
    await store.trimEvents(100)
    t.strictSame(store.eventRange(), { first: 1135, last: 1234 })
    await store.trimEvents(200)
    t.strictSame(store.eventRange(), { first: 1135, last: 1234 }, 'what is gone stays gone')
    await store.trimEvents(0)
    t.strictSame(store.eventRange(), { first: 1235, last: 1234 })
    await store.append([paused('a')], t0)
    t.strictSame(store.eventRange(), { first: 1235, last: 1235 })
  })

  t.test(
    'events that are too old are deleted, the newest and those of their time stay',
    async (t) => {
      const store = open(t)
      for (const at of [t0, t0 + 1, t0 + 2, t0 + 2]) await store.append([paused('a')], at)
      await store.trimEvents(99, t0)
      t.strictSame(store.eventRange(), { first: 1, last: 4 })
      await store.trimEvents(99, t0 + 2)
      t.strictSame(store.eventRange(), { first: 3, last: 4 })
      await store.trimEvents(1, t0 + 2)
      t.strictSame(store.eventRange(), { first: 4, last: 4 })
      await store.trimEvents(99, t0 + 3)
      t.strictSame(store.eventRange(), { first: 5, last: 4 })
    },
  )

  t.test('what belongs to a running task is kept until it has ended', async (t) => {
    const store = open(t)
    await add(store)
    await add(store)
    await store.claim([{ id: 'ann', labels: [] }], () => 'ann', 1, t0)
    await store.append([paused('a')], t0)
    const kept = () => store.eventsSince(0, 99).map(({ seq, type }) => `${seq} ${type}`)
    t.strictSame(kept(), ['1 TaskSubmitted', '2 TaskSubmitted', '3 TaskStarted', '4 AgentPaused'])
    await store.trimEvents(0)
    t.strictSame(kept(), ['1 TaskSubmitted', '3 TaskStarted'])
    t.strictSame(store.eventRange(), { first: 5, last: 4 })
    await store.record(verdictOf({ id: 't1', fence: 1 }), () => ({ signal: 'succeed' }), t0)
    await store.trimEvents(1)
    t.strictSame(kept(), ['5 TaskCompleted'])
  })

  t.test('one read holds no more than its bytes, and at least one event', async (t) => {
    const store = open(t)
    const large = (kib: number) => ({ ...paused('a'), data: { text: 'x'.repeat(kib * 1024) } })
    await store.append([large(100), large(100), large(100), large(1000), large(1)], t0)
    const numbers = (since: number) => store.eventsSince(since, 99).map(({ seq }) => seq)
    t.strictSame([numbers(0), numbers(2), numbers(3), numbers(4)], [[1, 2], [3], [4], [5]])
  })

  t.test('restarts of agents are counted with their event', async (t) => {
    const store = open(t)
    const restarted = { type: 'AgentRestarted', agentId: 'a', data: { kind: 'hang' } } as const
    await store.append([restarted, restarted], t0)
    t.strictSame(counted(store, 'restarts', 'events'), [
      'events AgentRestarted 2',
      'restarts hang 2',
    ])
  })

  t.test('listeners hear of what is committed, in order, before the caller does', async (t) => {
    const store = open(t)
    const heard: string[] = []
    store.onCommitted((events) => {
      t.equal(store.eventRange().last, events.at(-1)!.seq, 'it can be read by then')
      for (const { seq, type } of events) heard.push(`${seq} ${type}`)
    })
    const order: string[] = []
    store.onCommitted(() => order.push('listener'))
    const writes = [
      store.append([paused('a')], t0).then(() => order.push('first')),
      store.append([paused('a')], t0).then(() => order.push('second')),
      store.enqueue([spec()], t0).then(() => order.push('third')),
    ]
    t.strictSame(heard, [], 'nothing before the commit')
    await Promise.all(writes)
    t.strictSame(heard, ['1 AgentPaused', '2 AgentPaused', '3 TaskSubmitted'])
    t.strictSame(order, ['listener', 'first', 'second', 'third'])
  })

  t.test('listeners get what is stored', async (t) => {
    const store = open(t)
    const heard: SquadEvent[] = []
    store.onCommitted((events) => heard.push(...events))
    await add(store)
    await store.append([paused('a'), { type: 'DaemonStarted', data: { pid: 1 } }], t0)
    t.strictSame(heard, store.eventsSince(0, 9))
  })

  t.test('a listener that throws breaks nothing', async (t) => {
    const store = open(t)
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    let heard = 0
    store.onCommitted(() => {
      if (heard === 0) throw new Error('a listener broke')
    })
    store.onCommitted((events) => (heard += events.length))
    t.equal((await add(store)).id, 't1')
    t.equal((await add(store)).id, 't2')
    t.equal(heard, 2)
    t.match(await warned, { message: 'a listener broke' }, 'it is not swallowed')
  })
}
