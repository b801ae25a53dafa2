import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { defaults } from '../../src/supervisor/domain/config.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Delivery } from '../../src/supervisor/domain/notification.ts'
import { readNotifications } from '../../src/supervisor/domain/notification.ts'
import type { Courier, Notice } from '../../src/supervisor/domain/ports.ts'
import { systemClock } from '../../src/supervisor/domain/time.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'
import { createCourier } from '../../src/supervisor/notify/courier.ts'
import { Notifier } from '../../src/supervisor/notify/notifier.ts'
import { mostTries, mostWaiting } from '../../src/supervisor/policy/notify.ts'
import { openSqliteStore } from '../../src/supervisor/store/open.ts'
import { scratch } from '../support/api.ts'
import { receiver } from '../support/receiver.ts'

type Test = { teardown(end: () => unknown): void }

/** Clock that stands until it is moved. */
class HandClock {
  #now: number
  #timers = new Set<{ at: number; then: () => void }>()
  readonly #news = new EventEmitter()

  constructor(now: number) {
    this.#now = now
  }

  now = () => this.#now

  after = (ms: number, then: () => void) => {
    const timer = { at: this.#now + ms, then }
    this.#timers.add(timer)
    this.#news.emit('timer')
    return () => this.#timers.delete(timer)
  }

  /** Resolves when something waits for the moment in `ms`. */
  async hasTimer(ms: number): Promise<void> {
    const at = this.#now + ms
    while (![...this.#timers].some((timer) => timer.at === at)) await once(this.#news, 'timer')
  }

  move(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers])
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.then()
  }
}

type Life = { clock?: HandClock; courier?: Courier; file?: string; retryMs?: number }

/** A store that tells a notifier what happens, as in a squad. */
function live(t: Test, given: object[], { clock, courier, file, retryMs = 10 }: Life = {}) {
  let rules = readNotifications(given)
  const time = clock ?? systemClock
  const store = openSqliteStore({
    file: file ?? join(scratch(t), 'store.db'),
    patience: () => defaults,
    taskQueueSize: () => 100,
    notifications: () => rules,
    now: 0,
  })
  const errors: unknown[] = []
  const news = new EventEmitter()
  let settled = 0
  const settle = store.settleNotice.bind(store)
  store.settleNotice = async (...how) => {
    await settle(...how)
    settled += 1
    news.emit('settled')
  }
  const notifier = new Notifier({
    store,
    clock: time,
    random: () => 0,
    courier: courier ?? createCourier({}),
    rules: () => rules,
    retryMs: () => retryMs,
    onError: (error) => errors.push(error),
  })
  const events: SquadEvent[] = []
  store.onCommitted((some) => {
    events.push(...some)
    notifier.happened(some)
    news.emit('events')
  })
  notifier.start()
  const end = async () => {
    notifier.stop()
    await store.close()
  }
  t.teardown(end)
  return {
    ...{ store, notifier, errors, end },
    emit: (type: EventType, more: Partial<SquadEvent> = {}) =>
      store.append([{ type, ...more }], time.now()),
    async heard(type: EventType) {
      for (;;) {
        const found = events.find((event) => event.type === type)
        if (found) return found
        await once(news, 'events')
      }
    },
    /** Resolves when the store knows how so many tries ended. */
    async settled(count: number) {
      while (settled < count) await once(news, 'settled')
    },
    change(next: object[]) {
      rules = readNotifications(next)
      notifier.start()
    },
  }
}

/** Takes what it is brought; each delivery ends when the test says how. */
class HandCourier implements Courier {
  readonly brought: { notice: Notice; end: (delivery: Delivery) => void }[] = []
  readonly #news = new EventEmitter()

  deliver: Courier['deliver'] = (_rule, notice) =>
    new Promise((end) => {
      this.brought.push({ notice, end })
      this.#news.emit('brought')
    })

  async count(number: number): Promise<void> {
    while (this.brought.length < number) await once(this.#news, 'brought')
  }
}

const failed = { ok: false, problem: 'it answered 500' } as const

t.test('who is to be told is told, each of what it asked for', async (t) => {
  const { posts, url, posted } = await receiver(t, (response) => response.end())
  const one = live(t, [
    { name: 'failures', on: ['TaskFailed', 'TaskHeld'], webhook: url },
    { name: 'ada', on: ['TaskFailed'], agents: ['ada'], webhook: url },
    { name: 'urgent', on: ['TaskSubmitted'], priorities: ['critical'], webhook: url },
  ])
  const limits = { ...defaults, taskMaxAttempts: 1 }
  const tasks = ['low', 'critical'] as const
  await one.store.enqueue(
    tasks.map((priority) => createTask({ prompt: 'x', priority }, limits)),
    1,
  )
  await one.emit('TaskFailed', { agentId: 'bob', data: { reason: 'no' } })
  await one.emit('TaskFailed', { agentId: 'ada' })
  await one.emit('AgentWaiting', { agentId: 'ada' })
  await posted(4)
  const told = posts.map(
    ({ body }) => JSON.parse(body) as { notification: string; event: SquadEvent },
  )
  t.strictSame(told.map(({ notification, event }) => `${notification} ${event.seq}`).toSorted(), [
    'ada 4',
    'failures 3',
    'failures 4',
    'urgent 2',
  ])
  await one.settled(4)
  t.strictSame(
    one.store.counters().filter(({ name }) => name === 'notifications'),
    [{ name: 'notifications', label: 'delivered', value: 4 }],
  )
  t.strictSame(one.errors, [])
})

t.test('an event goes out as it was recorded, whatever it looks like as JSON', async (t) => {
  const { posts, url, posted } = await receiver(t, (response) => response.end())
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], webhook: url }])
  const data = {
    // As JSON it looks as if what follows were the secret.
    reason: 'it asks for a password:',
    question: 'which one?',
    problem: '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA',
    token: 'hunter2',
    list: ['--password', 'hunter2', 'password=hunter2'],
  }
  await one.emit('TaskFailed', { agentId: 'ada', data })
  await posted(1)
  const { event } = JSON.parse(posts[0]!.body) as { event: SquadEvent }
  t.strictSame(event, one.store.eventsSince(0, 1)[0])
  t.notMatch(posts[0]!.body, /hunter2|MIIE/)
  t.strictSame(one.errors, [])
})

t.test(
  'what is not taken is tried five times, then an event says that it was given up',
  async (t) => {
    const { posts, url } = await receiver(t, (response) =>
      response.writeHead(posts.length % 2 ? 500 : 302, { location: '/x' }).end(),
    )
    const one = live(t, [{ name: 'ops', on: ['TaskFailed'], webhook: url }])
    await one.emit('TaskFailed', { agentId: 'ada', taskId: 't9' })
    const given = await one.heard('NotificationFailed')
    t.match(given, {
      agentId: 'ada',
      taskId: 't9',
      data: {
        ...{ notification: 'ops', event: 1, eventType: 'TaskFailed', tries: mostTries },
        reason: 'it answered 500',
      },
    })
    t.notMatch(JSON.stringify(given), /hidden/)
    t.equal(posts.length, mostTries)
    t.strictSame(new Set(posts.map(({ headers }) => headers['squadd-delivery'])), new Set(['n1']))
    t.strictSame(one.store.waitingNotices(), [])
  },
)

t.test('each try waits longer than the one before', async (t) => {
  const clock = new HandClock(1_000_000)
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], {
    ...{ clock, courier, retryMs: 1000 },
  })
  await one.emit('TaskFailed')
  for (const [i, wait] of [500, 2000, 8000, 32_000].entries()) {
    await courier.count(i + 1)
    courier.brought[i]!.end(failed)
    await one.settled(i + 1)
    await clock.hasTimer(wait)
    clock.move(wait - 1)
    await one.store.append([], 0)
    t.equal(courier.brought.length, i + 1, `not before ${wait} ms`)
    clock.move(1)
  }
  await courier.count(5)
  t.strictSame(
    courier.brought.map(({ notice }) => notice.tries),
    [1, 2, 3, 4, 5],
  )
})

t.test('a receiver that hangs holds up nobody else', async (t) => {
  const hanging = await receiver(t, () => {})
  const well = await receiver(t, (response) => response.end())
  const one = live(t, [
    { name: 'hangs', on: ['TaskFailed'], webhook: hanging.url },
    { name: 'well', on: ['TaskFailed'], webhook: well.url },
  ])
  for (let i = 0; i < 20; i++) await one.emit('TaskFailed')
  await well.posted(20)
  t.equal(hanging.posts.length, 4, 'and gets no more than a few at a time')
  t.equal(one.store.waitingNotices().find(({ rule }) => rule === 'hangs')?.count, 20)
})

t.test('what was not told before the end is told by the next life, not too often', async (t) => {
  const file = join(scratch(t), 'store.db')
  const rule = [{ name: 'ops', on: ['TaskFailed'], desktop: true }]
  const clock = new HandClock(1_000_000)
  const tries: number[] = []
  // Each life ends in the middle of its try, as if it were killed.
  for (let life = 1; life <= mostTries; life++) {
    const courier = new HandCourier()
    const one = live(t, rule, { file, clock, courier })
    if (life === 1) await one.emit('TaskFailed')
    await courier.count(1)
    tries.push(courier.brought[0]!.notice.tries)
    await one.end()
    clock.move(3_600_000)
  }
  t.strictSame(tries, [1, 2, 3, 4, 5])
  const last = live(t, rule, { file, clock, courier: new HandCourier() })
  t.match((await last.heard('NotificationFailed')).data, { tries: 5, reason: 'no answer' })
  t.strictSame(last.store.waitingNotices(), [])
})

t.test('a notification that is no longer configured gives up what waits for it', async (t) => {
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], { courier })
  await one.emit('TaskFailed')
  await courier.count(1)
  one.change([])
  const { data } = await one.heard('NotificationFailed')
  t.match(data, { notification: 'ops', reason: /no longer in the configuration/ })
  await one.emit('TaskFailed')
  t.strictSame(one.store.waitingNotices(), [], 'and nothing new waits')
})

t.test('a store that fails is asked again by itself, less and less often', async (t) => {
  const clock = new HandClock(1_000_000)
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], { clock, courier })
  const take = one.store.takeNotices.bind(one.store)
  let asked = 0
  one.store.takeNotices = async () => {
    asked += 1
    throw new Error('the disk is full')
  }
  await one.emit('TaskFailed')
  const waits = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
  for (const [i, wait] of waits.entries()) {
    while (one.errors.length === i) await new Promise((then) => setImmediate(then))
    t.equal(asked, i + 1)
    // Whatever else happens: it is left alone.
    await one.emit('TaskFailed')
    clock.move(wait - 1)
    t.equal(asked, i + 1, `not before ${wait} ms`)
    clock.move(1)
  }
  while (one.errors.length === waits.length) await new Promise((then) => setImmediate(then))
  one.store.takeNotices = take
  clock.move(60_000)
  await courier.count(4)
  t.strictSame(courier.brought[0]?.notice.event.type, 'TaskFailed', 'and nothing is lost')
})

t.test('a store that cannot even be read when a timer asks it ends nothing', async (t) => {
  const clock = new HandClock(1_000_000)
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], { clock, courier })
  const waiting = one.store.waitingNotices.bind(one.store)
  one.store.waitingNotices = () => {
    throw new Error('it cannot be read')
  }
  await one.emit('TaskFailed')
  clock.move(1000)
  t.equal(one.errors.length, 2)
  one.store.waitingNotices = waiting
  clock.move(2000)
  await courier.count(1)
})

t.test('in quiet hours nobody is told until their end', async (t) => {
  const clock = new HandClock(new Date(2026, 10, 24, 22, 59).getTime())
  const courier = new HandCourier()
  const rules = [{ on: ['TaskFailed'], quietHours: '22:00-07:00', desktop: true }]
  const one = live(t, rules, { clock, courier })
  await one.emit('TaskFailed')
  clock.move(8 * 3_600_000)
  await one.store.append([], 0)
  t.equal(courier.brought.length, 0, 'at 06:59')
  clock.move(60_000)
  await courier.count(1)
})

t.test('one commit is one look at what waits, however many events it has', async (t) => {
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], { courier })
  // Its start has looked by then.
  await one.store.append([], 1)
  const waitingNotices = one.store.waitingNotices.bind(one.store)
  let looks = 0
  one.store.waitingNotices = () => {
    looks += 1
    return waitingNotices()
  }
  await one.emit('TaskSubmitted')
  t.equal(looks, 0, 'nobody asked to be told of that')
  const events = Array.from({ length: 50 }, () => ({ type: 'TaskFailed' as const }))
  await one.store.append(events, 1)
  t.equal(looks, 1)
  one.store.waitingNotices = waitingNotices
  await courier.count(1)
})

t.test('too many notices are given up at once, and told', async (t) => {
  const courier = new HandCourier()
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], desktop: true }], { courier })
  const events = Array.from({ length: mostWaiting + 2 }, () => ({ type: 'TaskFailed' as const }))
  await one.store.append(events, 1)
  t.match((await one.heard('NotificationFailed')).data, { reason: /too many/, tries: 0 })
  t.equal(one.store.waitingNotices()[0]?.count, mostWaiting)
  t.equal(one.store.counters().find(({ label }) => label === 'given_up')?.value, 2)
})

t.test('a test is sent at once and says how it went', async (t) => {
  const { posts, url } = await receiver(t, (response) =>
    response.writeHead(posts.length === 1 ? 200 : 503).end(),
  )
  const one = live(t, [{ name: 'ops', on: ['TaskFailed'], webhook: url }])
  t.match(await one.notifier.test(), [{ name: 'ops', target: /^127/, ok: true, problem: null }])
  t.match(await one.notifier.test('ops'), [{ ok: false, problem: 'it answered 503' }])
  t.match(JSON.parse(posts[0]!.body), { text: 'TaskFailed: this is a test of squadd notify' })
  await t.rejects(one.notifier.test('other'), { code: 'SQUADD_NOT_FOUND' })
  t.match(one.notifier.list(), [{ name: 'ops', on: ['TaskFailed'], waiting: 0 }])
  t.notMatch(JSON.stringify(one.notifier.list()), /hidden/)
})
