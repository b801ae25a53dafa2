import type { Test } from 'tap'
import t from 'tap'
import { defaults } from '../src/supervisor/domain/config.ts'
import { createTask } from '../src/supervisor/domain/create-task.ts'
import type { SquadEvent } from '../src/supervisor/domain/event.ts'
import type { Store } from '../src/supervisor/domain/ports.ts'
import { EventLog } from '../src/supervisor/event-log.ts'
import { openSqliteStore } from '../src/supervisor/store/open.ts'

const logOf = (store: Store, retention = { count: 100_000, ageMs: 0 }) =>
  new EventLog(
    store,
    () => 10,
    () => retention,
  )

function open(t: Test, count = 100_000, ageMs = 0) {
  const store = openSqliteStore({
    file: ':memory:',
    patience: () => defaults,
    taskQueueSize: () => 100,
    now: 0,
  })
  t.teardown(() => store.close())
  const log = logOf(store, { count, ageMs })
  const append = (n: number, at = 5) =>
    store.append(
      Array.from({ length: n }, () => ({ type: 'SystemMetrics' as const })),
      at,
    )
  return { store, log, append }
}

const numbersOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

const numbers = async (events: AsyncIterable<SquadEvent>) => {
  const all: number[] = []
  for await (const { seq } of events) all.push(seq)
  return all
}

t.test('a reader gets every event after its place, once and in order', async (t) => {
  const { log, append } = open(t)
  await append(25)
  const read = await numbers(log.read({ since: 3, follow: false }))
  t.same(
    read,
    Array.from({ length: 22 }, (_, i) => i + 4),
    'older ones from the store, newer ones from memory',
  )
  t.same(await numbers(log.read({ follow: false })), [], 'by default from now on')
})

t.test('what one commit brought is read from memory by all, however much it is', async (t) => {
  const { store, log, append } = open(t)
  let looks = 0
  const eventsSince = store.eventsSince.bind(store)
  store.eventsSince = (...how) => ((looks += 1), eventsSince(...how))
  await append(300)
  t.same(await numbers(log.read({ since: 0, follow: false })), numbersOf(1, 300))
  t.equal(looks, 0, 'nobody asked the store')
  await append(1)
  t.same(await numbers(log.read({ since: 0, follow: false })), numbersOf(1, 301))
  t.ok(looks > 0, 'later it is only there')
})

t.test(
  'a reader that is slow loses nothing, and one that stops leaves nothing behind',
  async (t) => {
    const { log, append } = open(t)
    const stop = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const { seq } of log.read({ since: 0, signal: stop.signal })) {
        seen.push(seq)
        // Slower than the events come, and than memory lasts.
        if (seq < 40) await append(1)
        if (seq === 60) stop.abort()
      }
    })()
    await append(30)
    await reading
    t.same(
      seen,
      Array.from({ length: 60 }, (_, i) => i + 1),
    )
  },
)

/** Resolves when old events have been deleted. */
const trimmed = (store: Store) =>
  new Promise<void>((resolve) => {
    const trim = store.trimEvents.bind(store)
    store.trimEvents = (...how) => trim(...how).then(resolve)
  })

const all = async (events: AsyncIterable<SquadEvent>) => {
  const read: SquadEvent[] = []
  for await (const event of events) read.push(event)
  return read
}

t.test('old events are deleted, and who missed them is told which', async (t) => {
  const { store, log, append } = open(t, 500)
  const done = trimmed(store)
  await append(1200)
  await done
  // With the next commit they are no longer in memory either.
  await append(1)
  t.same(store.eventRange(), { first: 701, last: 1201 })
  const events = await all(log.read({ since: 10, follow: false }))
  t.match(events[0], {
    type: 'EventsDropped',
    seq: 700,
    data: { from: 11, to: 700, missed: 690, readFrom: 701 },
  })
  t.equal(events.length, 502)
  t.same(await numbers(log.read({ since: 700, follow: false })), numbersOf(701, 1201))
})

t.test('events older than their age are deleted with the first one of a later hour', async (t) => {
  const { store, append } = open(t, 1000, 60_000)
  await append(3, 0)
  const done = trimmed(store)
  await append(2, 3_600_000)
  await done
  const events = await all(logOf(store).read({ since: 0, follow: false }))
  t.match(events, [{ type: 'EventsDropped', data: { from: 1, to: 3 } }, { seq: 4 }, { seq: 5 }])
})

t.test(
  'events of a running task are still read, and around them is said what is gone',
  async (t) => {
    const { store, log, append } = open(t)
    const spec = createTask({ prompt: 'x' }, { ...defaults, taskMaxAttempts: 1 })
    await append(1)
    await store.enqueue([spec], 5)
    await append(1)
    await store.claim([{ id: 'ann', labels: [] }], () => 'ann', 1, 5)
    await append(20)
    await store.trimEvents(2)
    const events = await all(log.read({ since: 0, follow: false }))
    t.same(
      events.map(({ type, data }) =>
        type === 'EventsDropped' ? `${String(data['from'])}-${String(data['to'])}` : type,
      ),
      ['1-1', 'TaskSubmitted', '3-3', 'TaskStarted', '5-22', 'SystemMetrics', 'SystemMetrics'],
    )
    await store.trimEvents(0)
    // After a restart nothing of it is in memory either.
    const later = logOf(store)
    const nothing = await all(later.read({ since: 20, follow: false }))
    t.match(nothing, [{ type: 'EventsDropped', data: { from: 21, to: 24, readFrom: 25 } }])
    t.same(
      await all(later.read({ since: 24, follow: false })),
      [],
      'who has them all missed nothing',
    )
  },
)

t.test('a listener hears of what is stored', async (t) => {
  const { log, append } = open(t)
  const heard: number[] = []
  const end = log.listen(({ seq }) => heard.push(seq))
  await append(2)
  end()
  await append(2)
  t.same(heard, [1, 2])
})
