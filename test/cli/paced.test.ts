import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { paced } from '../../bin/paced.ts'

/** Work that a test ends by hand. */
function handWork() {
  const news = new EventEmitter()
  const begun: { at: number; end: () => void }[] = []
  return {
    begun,
    work: () =>
      new Promise<void>((end) => {
        begun.push({ at: performance.now(), end })
        news.emit('begun')
      }),
    count: async (number: number) => {
      while (begun.length < number) await once(news, 'begun')
    },
  }
}

t.test('what is asked for often is done one at a time, with a pause, and not missed', async (t) => {
  const { work, begun, count } = handWork()
  const end = new AbortController()
  const ask = paced(work, 50, end.signal)
  ask()
  ask()
  ask()
  t.equal(begun.length, 1, 'at once, and one at a time')
  const endedAt = performance.now()
  begun[0]!.end()
  await count(2)
  // Timers may be a little early.
  t.ok(begun[1]!.at - endedAt >= 45, 'after a pause')
  ask()
  begun[1]!.end()
  await count(3)
  t.equal(begun.length, 3)
  end.abort()
})

t.test('who was not asked for long does it at once', async (t) => {
  const end = new AbortController()
  let done = 0
  const news = new EventEmitter()
  const ask = paced(
    async () => {
      done += 1
      news.emit('done')
    },
    1,
    end.signal,
  )
  for (const wanted of [1, 2, 3]) {
    const soon = once(news, 'done')
    ask()
    if (done < wanted) await soon
    t.equal(done, wanted)
  }
  end.abort()
})

t.test('after a failure it is over', async (t) => {
  let tries = 0
  const ask = paced(
    async () => {
      tries += 1
      throw new Error('gone')
    },
    0,
    new AbortController().signal,
  )
  ask()
  await new Promise((then) => setImmediate(then))
  ask()
  t.equal(tries, 1)
})
