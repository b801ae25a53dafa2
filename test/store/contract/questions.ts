import t from 'tap'
import type { OpenStore } from '../support.ts'
import {
  add,
  fail,
  finish,
  giveBack,
  hold,
  minute,
  spec,
  succeed,
  t0,
  take,
  verdictOf,
} from '../support.ts'

export function questionRules(open: OpenStore): void {
  t.test('the urgent task is the first of the critical ones that are ready', async (t) => {
    const store = open(t)
    t.equal(store.urgent(), null)
    await store.enqueue(
      [spec({ priority: 'high', deadlineAt: 0 }), spec({ priority: 'critical' })],
      t0,
    )
    await store.enqueue([spec({ priority: 'critical', prompt: 'older' })], t0 - minute)
    await store.enqueue([spec({ priority: 'critical', notBeforeAt: t0 + minute })], t0 - minute)
    t.strictSame(store.urgent(), store.task('t3'))
    await store.cancel('t3', '', t0)
    t.equal(store.urgent()?.id, 't2')
    await store.cancel('t2', '', t0)
    t.equal(store.urgent(), null)
  })

  t.test('a task knows how many of its lane go before it, up to a thousand', async (t) => {
    const store = open(t)
    await store.enqueue(
      [
        spec({ priority: 'low' }),
        spec(),
        spec({ require: ['gpu'], priority: 'critical' }),
        spec(),
        spec({ priority: 'high' }),
      ],
      t0,
    )
    const ahead = ['t1', 't2', 't3', 't4', 't5'].map((id) => store.ahead(id))
    t.strictSame(ahead, [3, 1, 0, 2, 0])
    await store.enqueue(
      Array.from({ length: 1200 }, () => spec({ priority: 'high' })),
      t0,
    )
    t.equal(store.ahead('t1'), 1000)
    t.throws(() => store.ahead('t9999'), { code: 'SQUADD_NOT_FOUND' })
  })

  t.test('a task knows its parents and how they are', async (t) => {
    const store = open(t)
    await store.enqueue([spec({ ref: 'a' }), spec({ ref: 'b' }), spec({ after: ['b', 'a'] })], t0)
    await finish(store, succeed())
    t.strictSame(store.parents('t3'), [
      { id: 't1', state: 'completed' },
      { id: 't2', state: 'ready' },
    ])
    t.strictSame(store.parents('t1'), [])
  })

  t.test('a note survives with its events until it is taken away', async (t) => {
    const store = open(t)
    const opened = { type: 'BreakerOpened', data: { scope: 'claude' } } as const
    await store.note('breaker', { until: 5, list: [null, 'x'] }, [opened], t0)
    await store.note('other', 0, [], t0)
    t.strictSame(
      store.notes(),
      new Map<string, unknown>([
        ['breaker', { until: 5, list: [null, 'x'] }],
        ['other', 0],
      ]),
    )
    t.match(store.eventsSince(0, 9), [{ type: 'BreakerOpened', data: { scope: 'claude' } }])
    await store.note('breaker', { until: 6 }, [], t0)
    await store.note('other', null, [], t0)
    await store.note('never', null, [], t0)
    t.strictSame(store.notes(), new Map([['breaker', { until: 6 }]]))
  })

  t.test('what a task has used adds up, until a person lets it go on', async (t) => {
    const store = open(t)
    t.match(await add(store), { starts: 0, spentMs: 0, spentUsd: 0 })
    for (let index = 0; index < 2; index += 1) {
      const task = await take(store)
      const verdict = verdictOf(task, 'not_started')
      const usage = { inputTokens: 1, outputTokens: 2, costUsd: 0.25 }
      await store.record({ ...verdict, result: { ...verdict.result, usage } }, () => giveBack(), t0)
    }
    t.match(store.task('t1'), { starts: 2, attempt: 0, spentMs: 2468, spentUsd: 0.5 })
    await finish(store, hold())
    t.match(store.task('t1'), { starts: 3, spentMs: 3702, spentUsd: 0.5 })
    t.match(await store.release('t1', t0), { starts: 0, fence: 3, spentMs: 0, spentUsd: 0 })
    await finish(store, fail())
    t.match(store.task('t1'), { starts: 1, spentMs: 1234 })
    t.match(await store.retry('t1', t0), { starts: 0, fence: 4, spentMs: 0 })
  })
}
