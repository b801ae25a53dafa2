import type { Test } from 'tap'
import t from 'tap'
import { defaults } from '../src/supervisor/domain/config.ts'
import type { SquadEvent } from '../src/supervisor/domain/event.ts'
import { EventLog } from '../src/supervisor/event-log.ts'
import { openSqliteStore } from '../src/supervisor/store/open.ts'

function open(t: Test, retention = 100_000) {
  const store = openSqliteStore({
    file: ':memory:',
    patience: () => defaults,
    taskQueueSize: () => 100,
    now: 0,
  })
  t.teardown(() => store.close())
  const log = new EventLog(
    store,
    () => 10,
    () => retention,
  )
  const append = (n: number) =>
    store.append(
      Array.from({ length: n }, () => ({ type: 'SystemMetrics' as const })),
      5,
    )
  return { store, log, append }
}

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

t.test('old events are deleted, and who missed them is told which', async (t) => {
  const { store, log, append } = open(t, 500)
  const trimmed = new Promise<void>((resolve) => {
    const trim = store.trimEvents.bind(store)
    store.trimEvents = (keep) => trim(keep).then(resolve)
  })
  await append(1200)
  await trimmed
  t.same(store.eventRange(), { first: 701, last: 1200 })
  const events: SquadEvent[] = []
  for await (const event of log.read({ since: 10, follow: false })) events.push(event)
  t.match(events[0], { type: 'EventsDropped', seq: 700, data: { from: 11, to: 700 } })
  t.equal(events.length, 501)
})

t.test('a listener hears of what is stored', async (t) => {
  const { log, append } = open(t)
  const heard: number[] = []
  const end = log.listen(({ seq }) => heard.push(seq))
  await append(2)
  end()
  await append(2)
  t.same(heard, [1, 2])
})
