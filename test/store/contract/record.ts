import t from 'tap'
import type { OpenStore } from '../support.ts'
import {
  add,
  agentSpec,
  backOff,
  counted,
  fail,
  giveBack,
  hold,
  minute,
  succeed,
  t0,
  take,
  verdictOf,
} from '../support.ts'

export function recordRules(open: OpenStore): void {
  t.test('a success is stored with its result, once', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), (key) => `/w/${key}`, t0)
    await add(store)
    const task = await take(store)
    const verdict = verdictOf(task, 'succeeded', { endedAt: t0 + 5000.7 })
    const decided: string[] = []
    const answer = await store.record(
      verdict,
      (now) => {
        decided.push(`${now.id} ${now.state} ${now.fence} ${now.prompt}`)
        return succeed()
      },
      t0 + 5010,
    )
    t.equal(answer, 'recorded')
    t.strictSame(decided, ['t1 running 1 do it'])
    t.match(store.task('t1'), {
      state: 'completed',
      outcome: 'succeeded',
      cause: null,
      reason: null,
      endedAt: t0 + 5001,
      agent: 'ann',
    })
    t.strictSame(store.task('t1').result, verdict.result)
    const never = () => t.fail('there is nothing to decide') as never
    t.equal(await store.record(verdict, never, t0 + 6000), 'already')
    t.equal(await store.record(verdictOf(task, 'failed'), never, t0 + 6000), 'already')
    t.equal(store.task('t1').outcome, 'succeeded')
    t.match(store.eventsSince(0, 9, ['TaskCompleted', 'TaskLateResult']), [
      { type: 'TaskCompleted', taskId: 't1', agentId: 'ann', data: { durationMs: 1234, fence: 1 } },
    ])
    t.match(store.agents(), [
      { tasksCompleted: 1, tasksFailed: 0, totalExecTimeMs: 1234, updatedAt: t0 + 5010 },
    ])
  })

  t.test('what attempts cost is charged to their agent, however they ended', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), (key) => key, t0)
    for (const [outcome, costUsd] of [
      ['succeeded', 0.5],
      ['cancelled', 0.25],
      ['failed', null],
    ] as const) {
      await add(store)
      const task = await take(store)
      const verdict = verdictOf(task, outcome)
      const usage = { inputTokens: 1, outputTokens: 1, costUsd }
      await store.record({ ...verdict, result: { ...verdict.result, usage } }, succeed, t0)
    }
    t.equal(store.agents()[0]?.spentUsd, 0.75)
  })

  t.test('a failure, a cancel and a hold end the attempt each in its state', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), () => '/w', t0)
    for (let index = 0; index < 3; index += 1) await add(store)
    const failed = await take(store)
    await store.record(verdictOf(failed, 'timed_out', { cause: 'timed_out' }), fail, t0 + 1)
    const cancelled = await take(store)
    await store.record(
      verdictOf(cancelled, 'cancelled'),
      () => ({ signal: 'cancel', reason: 'as asked' }),
      t0 + 2,
    )
    const held = await take(store)
    await store.record(verdictOf(held, 'unknown'), hold, t0 + 3)
    t.match(store.task(failed.id), {
      state: 'failed',
      reason: 'it broke',
      outcome: 'timed_out',
      cause: 'timed_out',
    })
    t.match(store.task(cancelled.id), { state: 'cancelled', reason: 'as asked' })
    t.match(store.task(held.id), { state: 'held', reason: 'nobody knows', endedAt: null })
    t.match(
      store.eventsSince(0, 99, ['TaskFailed', 'TaskCancelled', 'TaskHeld']).map((one) => one.data),
      [
        { outcome: 'timed_out', cause: 'timed_out', reason: 'it broke', durationMs: 1234 },
        { reason: 'as asked', durationMs: 1234 },
        { reason: 'nobody knows', outcome: 'unknown' },
      ],
    )
    t.match(store.agents()[0], { tasksCompleted: 0, tasksFailed: 1, totalExecTimeMs: 1234 })
    t.strictSame(counted(store, 'attempts', 'causes', 'finished'), [
      'attempts cancelled 1',
      'attempts timed_out 1',
      'attempts unknown 1',
      'causes timed_out 1',
      'finished cancelled 1',
      'finished failed 1',
    ])
  })

  t.test('a task that backs off is delayed, and its attempt counts if it is said to', async (t) => {
    const store = open(t)
    const { rank } = await add(store)
    await store.record(verdictOf(await take(store), 'failed'), () => backOff(t0 + 99.5), t0 + 1)
    t.match(store.task('t1'), {
      state: 'delayed',
      notBeforeAt: t0 + 100,
      attempt: 1,
      reason: 'rate limit',
      outcome: 'failed',
      endedAt: null,
      rank,
    })
    t.match(store.eventsSince(2, 9)[0], {
      type: 'TaskRetried',
      data: {
        outcome: 'failed',
        cause: 'agent_error',
        reason: 'rate limit',
        notBeforeAt: t0 + 100,
      },
    })
    t.equal(await store.promote(t0 + 100), null)
    const second = await take(store, t0 + 100)
    t.match(second, { fence: 2, attempt: 2, outcome: 'failed', reason: null })
    await store.record(verdictOf(second), () => backOff(t0 + 200, false), t0 + 150)
    t.match(store.task('t1'), { state: 'delayed', attempt: 1, fence: 2 })
  })

  t.test('a task that is given back keeps its place in the queue', async (t) => {
    const store = open(t)
    const { rank } = await add(store, {}, t0)
    await add(store, {}, t0 + 1)
    await store.record(
      verdictOf(await take(store), 'preempted'),
      () => giveBack(false),
      t0 + minute,
    )
    t.match(store.task('t1'), { state: 'ready', attempt: 0, fence: 1, rank })
    t.equal((await take(store)).id, 't1')
    await store.record(verdictOf({ id: 't1', fence: 2 }, 'unknown'), () => giveBack(true), t0)
    t.match(store.task('t1'), { state: 'ready', attempt: 1 })
  })

  t.test(
    'an older fence is late: said once, kept as an event, and it changes nothing',
    async (t) => {
      const store = open(t)
      await add(store)
      const old = await take(store)
      await store.record(verdictOf(old, 'unknown'), () => giveBack(), t0)
      const holder = await take(store)
      const before = store.task('t1')
      const never = () => t.fail('there is nothing to decide') as never
      for (let index = 0; index < 2; index += 1)
        t.equal(await store.record(verdictOf(old, 'succeeded'), never, t0 + 7), 'late')
      t.strictSame(store.task('t1'), before)
      const future = verdictOf({ id: 't1', fence: 3 }, 'succeeded')
      t.equal(await store.record(future, never, t0), 'late')
      t.equal(await store.record(verdictOf(holder), succeed, t0 + 8), 'recorded')
      t.equal(await store.record(verdictOf(old, 'succeeded'), never, t0 + 9), 'late')
      t.match(store.eventsSince(0, 99, ['TaskLateResult']), [
        {
          taskId: 't1',
          at: t0 + 7,
          data: { fence: 1, outcome: 'succeeded', reason: 'it succeeded' },
        },
        { taskId: 't1', data: { fence: 3 } },
      ])
      t.equal(store.eventsSince(0, 99, ['TaskLateResult']).length, 2)
      t.strictSame(counted(store, 'late_results', 'fenced_writes'), [
        'fenced_writes  4',
        'late_results  2',
      ])
    },
  )

  t.test(
    'a verdict about a task that does not exist is late, about no attempt invalid',
    async (t) => {
      const store = open(t)
      for (let index = 0; index < 2; index += 1)
        t.equal(await store.record(verdictOf({ id: 't9', fence: 1 }), succeed, t0), 'late')
      t.equal(store.eventsSince(0, 9, ['TaskLateResult']).length, 1)
      for (const key of ['', 't1', 't1-0', 't1-1-1', 'x-1'])
        await t.rejects(store.record({ ...verdictOf({ id: 't1', fence: 1 }), key }, succeed, t0), {
          code: 'SQUADD_INVALID',
          data: { field: 'key' },
        })
      for (let index = 0; index < 9; index += 1) await add(store)
      for (let index = 0; index < 9; index += 1) await take(store)
      t.equal(store.task('t9').state, 'running', 'and does not stand in the way of that task')
    },
  )

  t.test('a decision that throws leaves the attempt running', async (t) => {
    const store = open(t)
    await add(store)
    const task = await take(store)
    await t.rejects(
      store.record(
        verdictOf(task),
        () => {
          throw new Error('boom')
        },
        t0,
      ),
      { message: 'boom' },
    )
    t.match(store.task('t1'), { state: 'running', result: null, outcome: null })
    t.equal(await store.record(verdictOf(task), succeed, t0), 'recorded')
  })

  t.test('the result is the one of the last attempt that was recorded', async (t) => {
    const store = open(t)
    await add(store)
    await store.record(verdictOf(await take(store), 'failed'), () => giveBack(true), t0)
    t.equal(store.task('t1').result?.success, false)
    const second = await take(store)
    t.equal(second.result?.success, false, 'until the next one is')
    await store.record(verdictOf(second), succeed, t0)
    t.equal(store.task('t1').result?.success, true)
  })

  t.test('the work of an agent that was removed counts for nobody', async (t) => {
    const store = open(t)
    await store.addAgent(agentSpec('ann'), () => '/w', t0)
    await store.addAgent(agentSpec('bob'), () => '/w', t0)
    await add(store)
    const task = await take(store)
    await store.removeAgent('ann', [], t0)
    t.equal(await store.record(verdictOf(task), succeed, t0), 'recorded')
    t.match(store.agents(), [{ tasksCompleted: 0 }])
  })
}
