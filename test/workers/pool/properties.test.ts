import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import type { Priority } from '../../../src/supervisor/domain/task.ts'
import { namedPriorities } from '../../../src/workers/pool/job.ts'
import { endOf, gateCells, job, openGate, startPool } from './support.ts'

t.setTimeout(180_000)

const priority: fc.Arbitrary<number | Priority> = fc.oneof(
  fc.constantFrom(...(Object.keys(namedPriorities) as Priority[])),
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
)
const numberOf = (one: number | Priority): number =>
  typeof one === 'number' ? one : namedPriorities[one]

async function hold<T>(t: Test, property: fc.IAsyncProperty<T>, numRuns: number): Promise<void> {
  const found = await fc.check(property, { numRuns })
  t.notOk(found.failed, fc.defaultReportMessage(found) ?? `holds in ${numRuns} cases`)
}

t.test('jobs start by priority, then in the order they came, whatever is cancelled', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  const jobs = fc.array(fc.record({ priority, cancelled: fc.boolean() }), { maxLength: 15 })
  await hold(
    t,
    fc.asyncProperty(jobs, async (jobs) => {
      const [cells, turns] = [gateCells(), gateCells()]
      const first = pool.submit(job('gate', cells))
      const running = jobs.map(({ priority, cancelled }) => {
        const abort = new AbortController()
        const turn = pool.submit<number>(job('turn', turns, { priority }), abort)
        return { turn: turn.catch(() => 'cancelled' as const), abort, cancelled }
      })
      for (const { abort, cancelled } of running) if (cancelled) abort.abort()
      openGate(cells)
      await first
      const found = await Promise.all(running.map(({ turn }) => turn))
      const expected = jobs
        .map(({ priority, cancelled }, number) => ({ number, rank: numberOf(priority), cancelled }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => b.rank - a.rank || a.number - b.number)
        .map(({ number }) => number)
      return jobs.every(({ cancelled }, number) =>
        cancelled ? found[number] === 'cancelled' : found[number] === expected.indexOf(number),
      )
    }),
    1000,
  )
})

/** What may befall a job; few of them cost a thread, which is what takes time. */
const fate = fc.oneof(
  { weight: 200, arbitrary: fc.constant('echo' as const) },
  { weight: 100, arbitrary: fc.constant('fail' as const) },
  { weight: 100, arbitrary: fc.constant('cancel' as const) },
  { weight: 3, arbitrary: fc.constant('abort' as const) },
  { weight: 3, arbitrary: fc.constant('loop' as const) },
  { weight: 3, arbitrary: fc.constant('exit' as const) },
)
const mayEnd = {
  echo: /^ok$/,
  fail: /^RangeError/,
  cancel: /ABORTED$/,
  abort: /^ok$|ABORTED$/,
  loop: /TIMEOUT$/,
  exit: /WORKER_DIED$/,
}

t.test('every job ends exactly once, in a way it may, and the counters add up', async (t) => {
  const pool = startPool(t, { maxWorkers: 2 })
  const results = pool.results()
  await hold(
    t,
    fc.asyncProperty(fc.array(fc.record({ priority, fate }), { maxLength: 10 }), async (jobs) => {
      const before = pool.metrics().submitted
      const cells = gateCells()
      const blockers = [1, 2].map(() => pool.submit(job('gate', cells, { id: 'gate' })))
      let settled = 0
      const running = jobs.map(({ priority, fate }, number) => {
        const abort = new AbortController()
        const name = fate === 'cancel' || fate === 'abort' ? 'echo' : fate
        const timeoutMs = fate === 'loop' ? 2 : 60_000
        const order = job(name, number, { id: `${number}`, priority, timeoutMs })
        const end = endOf(pool.submit(order, abort).finally(() => (settled += 1)))
        return { fate, abort, end }
      })
      // While the pool is blocked this takes them out of the queue.
      for (const { fate, abort } of running) if (fate === 'cancel') abort.abort()
      openGate(cells)
      await Promise.all(blockers)
      for (const { fate, abort } of running) if (fate === 'abort') abort.abort()
      const told: string[] = []
      while (told.length < jobs.length + 2) told.push((await results.next()).value!.id)
      const found = await Promise.all(running.map(({ end }) => end))
      const { submitted, queued, running: left, ...ends } = pool.metrics()
      const { completed, failed, timedOut, aborted, dropped } = ends
      return (
        running.every(({ fate }, number) => mayEnd[fate].test(found[number]!)) &&
        settled === jobs.length &&
        new Set(told).size === jobs.length + 1 &&
        submitted - before === jobs.length + 2 &&
        submitted === completed + failed + timedOut + aborted + dropped &&
        queued + left === 0
      )
    }),
    1000,
  )
  await pool.shutdown()
  t.same(await results.next(), { done: true, value: undefined }, 'and nothing is told twice')
})

t.test('a shutdown at any moment ends every job once', async (t) => {
  const jobs = fc.array(fc.constantFrom('echo', 'fail', 'later'), { maxLength: 10 })
  await hold(
    t,
    fc.asyncProperty(jobs, fc.nat({ max: 3 }), async (names, timeoutMs) => {
      const pool = startPool(t, { maxWorkers: 2 })
      const ends = names.map((name, n) => endOf(pool.submit(job(name, n))))
      const error: unknown = await pool.shutdown({ timeoutMs }).catch((thrown: unknown) => thrown)
      const found = await Promise.all(ends)
      const { submitted, completed, failed, dropped } = pool.metrics()
      return (
        found.every((end) => /^ok$|^RangeError|SHUTTING_DOWN$/.test(end)) &&
        submitted === names.length &&
        submitted === completed + failed + dropped &&
        (error === undefined) === (dropped === 0)
      )
    }),
    100,
  )
})
