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
  take,
  verdictOf,
} from '../support.ts'

export function controlRules(open: OpenStore): void {
  t.test('what waits is cancelled at once', async (t) => {
    const store = open(t)
    await store.enqueue(
      [spec({ ref: 'a' }), spec({ notBeforeAt: t0 + minute }), spec({ after: ['a'] }), spec()],
      t0,
    )
    await store.record(verdictOf(await take(store), 'unknown'), hold, t0)
    for (const id of ['t4', 't2', 't3', 't1']) {
      const task = await store.cancel(id, 'not needed', t0 + 5)
      t.match(task, { id, state: 'cancelled', reason: 'not needed', endedAt: t0 + 5 })
    }
    t.match(store.taskCounts(), { ready: 0, delayed: 0, blocked: 0, held: 0, cancelled: 4 })
    const again = await store.cancel('t1', 'other words', t0 + 9)
    t.match(again, { reason: 'not needed', endedAt: t0 + 5 }, 'a second time it is left as it is')
    t.equal(store.eventsSince(0, 99, ['TaskCancelled']).length, 4)
    await t.rejects(store.cancel('t99', '', t0), { code: 'SQUADD_NOT_FOUND' })
  })

  t.test('a running task is asked to stop, and its holder ends it', async (t) => {
    const store = open(t)
    await add(store)
    const task = await take(store)
    const asked = await store.cancel('t1', 'changed my mind', t0)
    t.match(asked, { state: 'running', want: 'cancelled', reason: 'changed my mind' })
    t.match(await store.cancel('t1', 'again', t0), { reason: 'changed my mind' })
    await store.record(
      verdictOf(task, 'cancelled'),
      (now) => ({ signal: 'cancel', reason: now.reason ?? '' }),
      t0,
    )
    t.match(store.task('t1'), { state: 'cancelled', reason: 'changed my mind', want: null })
  })

  t.test('a cancel is not forgotten when the attempt goes back to the queue', async (t) => {
    const store = open(t)
    for (const settlement of [giveBack(), backOff(t0), hold()]) {
      const { id } = await add(store)
      await store.enqueue([spec({ after: [id] })], t0)
      const task = await take(store)
      await store.cancel(id, 'stop it', t0)
      await store.record(verdictOf(task, 'not_started'), () => settlement, t0)
      t.match(store.task(id), { state: 'cancelled', reason: 'stop it', outcome: 'not_started' })
    }
    t.match(store.taskCounts(), { cancelled: 6 }, 'and its children are told')
    await add(store)
    const task = await take(store)
    await store.cancel(task.id, 'too late', t0)
    await store.record(verdictOf(task), succeed, t0)
    t.match(store.task(task.id), { state: 'completed', reason: null }, 'what is done is done')
  })

  t.test('what has ended in another way cannot be cancelled', async (t) => {
    const store = open(t)
    await store.enqueue([spec(), spec()], t0)
    await finish(store, succeed())
    await finish(store, fail())
    await t.rejects(store.cancel('t1', '', t0), {
      code: 'SQUADD_CONFLICT',
      message: /task t1 is completed and cannot be cancelled/,
      data: { taskId: 't1', state: 'completed' },
    })
    await t.rejects(store.cancel('t2', '', t0), { code: 'SQUADD_CONFLICT' })
  })

  t.test(
    'a stop is asked for under a fence; the first wish stays, a cancel beats it',
    async (t) => {
      const store = open(t)
      await add(store)
      await store.askStop('t1', 1, 'preempted')
      const task = await take(store)
      t.equal(task.want, null)
      await store.askStop('t1', 2, 'preempted')
      t.equal(store.task('t1').want, null, 'another fence is not meant')
      await store.askStop('t1', 1, 'timed_out')
      await store.askStop('t1', 1, 'preempted')
      t.equal(store.task('t1').want, 'timed_out')
      await store.cancel('t1', 'no more', t0)
      await store.askStop('t1', 1, 'preempted')
      t.equal(store.task('t1').want, 'cancelled')
      await store.askStop('t77', 1, 'preempted')
    },
  )

  t.test('a stop that was asked for ends with its attempt', async (t) => {
    const store = open(t)
    await add(store)
    const task = await take(store)
    await store.askStop('t1', 1, 'preempted')
    await store.record(verdictOf(task, 'preempted'), () => giveBack(), t0)
    t.match(store.task('t1'), { state: 'ready', want: null })
  })

  t.test('a held task is released into the queue, with a word in the log', async (t) => {
    const store = open(t)
    await add(store)
    await finish(store, hold(), t0 + 1)
    t.match(await store.release('t1', t0 + 2), { state: 'ready', reason: null, attempt: 1 })
    t.match(store.eventsSince(0, 9, ['TaskReleased']), [{ taskId: 't1', data: { from: 'held' } }])
    t.equal((await take(store)).fence, 2)
  })

  t.test('only a held task can be released, only a failed or cancelled one retried', async (t) => {
    const store = open(t)
    await store.enqueue(
      [spec({ ref: 'a' }), spec({ after: ['a'] }), spec({ notBeforeAt: t0 + minute })],
      t0,
    )
    for (const id of ['t1', 't2', 't3']) {
      await t.rejects(store.release(id, t0), {
        code: 'SQUADD_CONFLICT',
        message: /task t\d is (ready|blocked|delayed) and cannot be released; only a held task can/,
      })
      await t.rejects(store.retry(id, t0), {
        code: 'SQUADD_CONFLICT',
        message: /cannot be retried; only a failed or cancelled task can/,
      })
    }
    const task = await take(store)
    await t.rejects(store.retry('t1', t0), { code: 'SQUADD_CONFLICT' })
    await store.record(verdictOf(task), hold, t0)
    await t.rejects(store.retry('t1', t0), { message: /t1 is held and cannot be retried/ })
    await store.cancel('t1', '', t0)
    await t.rejects(store.release('t1', t0), { message: /t1 is cancelled/ })
    await t.rejects(store.release('t99', t0), { code: 'SQUADD_NOT_FOUND' })
    await t.rejects(store.retry('t99', t0), { code: 'SQUADD_NOT_FOUND' })
  })

  t.test('a retried task begins again, but its fence goes on', async (t) => {
    const store = open(t)
    await add(store)
    await store.record(verdictOf(await take(store), 'failed'), () => giveBack(true), t0)
    await finish(store, fail(), t0 + 1)
    const task = await store.retry('t1', t0 + 9)
    t.match(task, {
      state: 'ready',
      attempt: 0,
      fence: 2,
      outcome: null,
      cause: null,
      result: null,
      reason: null,
      want: null,
      startedAt: null,
      endedAt: null,
    })
    t.match(store.eventsSince(0, 99, ['TaskReleased']), [{ data: { from: 'failed' } }])
    t.match(await take(store, t0 + 12), { fence: 3, attempt: 1 })
    t.equal(store.eventsSince(0, 99, ['TaskStarted']).at(-1)!.data['waitMs'], 3)
  })

  t.test('a retried task still keeps to its own start time', async (t) => {
    const store = open(t)
    await add(store, { notBeforeAt: t0 + minute })
    await store.cancel('t1', '', t0)
    t.match(await store.retry('t1', t0), { state: 'delayed', notBeforeAt: t0 + minute })
    t.equal(await store.promote(t0), t0 + minute)
    await store.cancel('t1', '', t0)
    t.match(await store.retry('t1', t0 + minute), { state: 'ready' })
    t.match(store.taskCounts(), { ready: 1, delayed: 0, cancelled: 0 })
  })

  t.test('due tasks become ready, and the next time is told', async (t) => {
    const store = open(t)
    t.equal(await store.promote(t0), null)
    await store.enqueue(
      [1, 2, 2, 3].map((at) => spec({ notBeforeAt: t0 + at * minute })),
      t0,
    )
    t.equal(await store.promote(t0), t0 + minute)
    t.equal(await store.promote(t0 + 2 * minute), t0 + 3 * minute)
    t.match(store.taskCounts(), { delayed: 1, ready: 3 })
    t.equal(await store.promote(t0 + 3 * minute), null)
    await store.claim([{ id: 'x', labels: [] }], () => 'x', 1, t0 + 3 * minute + 5)
    const { data } = store.eventsSince(0, 99, ['TaskStarted'])[0]!
    t.equal(data['waitMs'], minute + 5, 'its wait began when it was due')
  })

  t.test('thousands of tasks may become due in one instant', async (t) => {
    const store = open(t)
    await store.enqueue(
      Array.from({ length: 1300 }, () => spec({ notBeforeAt: t0 + 1 })),
      t0,
    )
    t.equal(await store.promote(t0 + 1), null)
    t.match(store.taskCounts(), { delayed: 0, ready: 1300 })
  })
}
