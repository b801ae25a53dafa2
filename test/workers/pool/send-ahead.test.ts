import t from 'tap'
import type { Test } from 'tap'
import type { WorkerPool } from '../../../src/workers/pool/worker-pool.ts'
import { endOf, gateCells, job, startPool } from './support.ts'

t.setTimeout(120_000)

/** A pool that knows by experience that this job is short, and so sends some of them ahead. */
async function used(t: Test, name: string, data: unknown, maxWorkers = 1): Promise<WorkerPool> {
  const pool = startPool(t, { maxWorkers, queueSize: 10_000 })
  for (let n = 0; n < 100; n += 1)
    await Promise.all(Array.from({ length: 20 }, () => pool.submit(job(name, data))))
  return pool
}

t.test('what is more urgent goes before all that has not begun', async (t) => {
  const cells = gateCells()
  const pool = await used(t, 'turn', cells)
  for (let round = 0; round < 200; round += 1) {
    const many = Array.from({ length: 60 }, () => pool.submit<number>(job('turn', cells)))
    // Some have ended, some have been sent ahead.
    await many[round % 30]
    const urgent = pool.submit<number>(job('turn', cells, { priority: 'high' }))
    const begun = Atomics.load(cells, 0)
    // One may have begun in the very moment.
    const place = await urgent
    if (place > begun + 1) t.fail(`it was number ${place} when ${begun} had begun`)
    const order = await Promise.all(many)
    if (order.some((one, n) => n > 0 && one < order[n - 1]!)) t.fail('the others kept their order')
  }
  t.equal(Atomics.load(cells, 0), 2000 + 200 * 61)
})

t.test('a job that turns out to be bad takes none of those behind it along', async (t) => {
  for (const maxWorkers of [1, 3]) {
    const pool = await used(t, 'mostlyShort', 0, maxWorkers)
    const { lostWorkers, completed } = pool.metrics()
    for (const [what, ends] of [
      ['loop', 'SQUADD_TIMEOUT'],
      ['exit', 'SQUADD_POOL_WORKER_DIED'],
    ] as const) {
      const wanted = Array.from({ length: 40 }, (_, n) => (n % 10 === 5 ? what : n))
      const found = await Promise.all(
        wanted.map((data) => {
          const one = pool.submit(
            job('mostlyShort', data, { timeoutMs: data === 'loop' ? 20 : 60_000 }),
          )
          return data === what ? endOf(one) : one
        }),
      )
      t.same(
        found,
        wanted.map((data) => (data === what ? ends : data)),
      )
    }
    t.match(pool.metrics(), { completed: completed + 72, lostWorkers: lostWorkers + 8, queued: 0 })
  }
})

t.test('a job that was sent ahead and is aborted costs no thread', async (t) => {
  const cells = gateCells()
  const pool = await used(t, 'turn', cells)
  let aborted = 0
  for (let round = 0; round < 100; round += 1) {
    const stop = new AbortController()
    const first = pool.submit(job('turn', cells))
    const many = Array.from({ length: 20 }, () => endOf(pool.submit(job('turn', cells), stop)))
    await first
    stop.abort()
    aborted += (await Promise.all(many)).filter((end) => end !== 'ok').length
  }
  t.equal(pool.metrics().aborted, aborted)
  t.ok(aborted > 0)
  t.ok(pool.metrics().lostWorkers < 100, 'at most the one that had begun')
  t.equal(Atomics.load(cells, 0) <= 2000 + 100 * 21 - (aborted - pool.metrics().lostWorkers), true)
})
