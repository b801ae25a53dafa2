import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { SquadError } from '../../../src/supervisor/domain/error.ts'
import type { Job, JobResult } from '../../../src/workers/pool/job.ts'
import { collectResults } from '../../../src/workers/pool/job-results.ts'
import type { PoolMetrics } from '../../../src/workers/pool/pool-metrics.ts'
import type { WorkerPoolOptions } from '../../../src/workers/pool/pool-options.ts'
import { WorkerPool } from '../../../src/workers/pool/worker-pool.ts'
import {
  endOf,
  gateCells,
  job,
  openGate,
  plainArgv,
  startPool,
  threadsEnd,
  waitersAt,
} from './support.ts'

t.setTimeout(120_000)

/** Everything that was submitted is somewhere, once. */
function addsUp(t: Test, metrics: PoolMetrics): void {
  const { completed, failed, timedOut, aborted, dropped, queued, running } = metrics
  const sum = completed + failed + timedOut + aborted + dropped + queued + running
  t.equal(metrics.submitted, sum, 'the counters add up')
}

t.test(
  'a job is a function of a module, by URL or path, and answers with its result',
  async (t) => {
    const pool = startPool(t)
    const { module } = job('echo')
    t.same(await pool.submit(job('echo', { a: [1, new Map([['b', 2n]])] })), {
      a: [1, new Map([['b', 2n]])],
    })
    t.same(await pool.submit({ module: (module as URL).pathname, export: 'later', data: 2 }), 2)
    t.equal(await pool.submit(job('echo')), undefined)
    const code = 'export default (n) => 3 * n; export const twice = (n) => 2 * n'
    const inline = `data:text/javascript,${code}`
    t.equal(await pool.submit({ module: inline, data: 4 }), 12, 'the default export')
    t.equal(await pool.submit({ module: inline, export: 'twice', data: 4 }), 8)
  },
)

t.test('data is cloned, or handed over when the job says so', async (t) => {
  const pool = startPool(t)
  const kept = new Uint8Array([1, 2, 3])
  const moved = new Uint8Array([1, 2, 3])
  const order = job('echo', { kept, moved }, { transfer: [moved.buffer] })
  t.same(await pool.submit(order), {
    kept: new Uint8Array([1, 2, 3]),
    moved: new Uint8Array([1, 2, 3]),
  })
  t.equal(kept.length, 3)
  t.equal(moved.length, 0, 'it is gone here')
  for (const [name, data, text] of [
    ['bytes', 3, '\x07\x07\x07'],
    ['smallBuffer', undefined, 'hello'],
  ] as const) {
    const result = await pool.submit<Uint8Array>(job(name, data, { moveResult: true }))
    t.equal(Buffer.from(result).toString(), text)
  }
  t.same(await pool.submit(job('echo', [1], { moveResult: true })), [1], 'other results are cloned')
})

t.test('what a job throws arrives as it was thrown', async (t) => {
  const pool = startPool(t)
  const error = await pool.submit(job('fail', 'bad')).catch((thrown: unknown) => thrown)
  t.ok(error instanceof RangeError)
  t.match(error, { message: 'bad', code: 'E_FAIL', at: { line: 3 }, stack: /pool-jobs/ })
  for (const what of ['text', undefined, { a: 1 }, 0])
    t.same(await pool.submit(job('failWith', what)).catch((thrown: unknown) => [thrown]), [what])
  t.same(await pool.submit(job('failWithNull')).catch((thrown: unknown) => [thrown]), [null])
  t.same(await endOf(pool.submit(job('failWithFunction'))), '() => 0')
  t.equal(await pool.submit(job('echo', 1)), 1)
  t.equal(pool.metrics().lostWorkers, 0, 'none of them cost a worker')
})

t.test('what cannot be run or handed over says why', async (t) => {
  const pool = startPool(t)
  const said = async (wrong: Partial<Job>, code: string, words: RegExp) => {
    const error = await pool.submit({ ...job('echo'), ...wrong }).catch((thrown: unknown) => thrown)
    t.match(error, { code, message: words })
  }
  await said({ module: './work.js' }, 'SQUADD_INVALID', /module ".\/work.js" .*import.meta.url/)
  await said({ module: 3 as never }, 'SQUADD_INVALID', /module 3 /)
  await said({ module: '/no/such/file.js' }, 'ERR_MODULE_NOT_FOUND', /file.js/)
  await said({ export: '' }, 'SQUADD_INVALID', /export ""/)
  await said({ export: 'nothing' }, 'SQUADD_INVALID', /export "nothing" is no function/)
  await said({ export: 'notAFunction' }, 'SQUADD_INVALID', /is no function/)
  await said({ priority: 1.5 }, 'SQUADD_INVALID', /priority 1.5 .*low, normal, high, critical/)
  await said({ priority: 'urgent' as never }, 'SQUADD_INVALID', /priority "urgent"/)
  await said({ timeoutMs: 0 }, 'SQUADD_INVALID', /timeoutMs 0 .*from 1/)
  await said({ data: () => 0 }, 'SQUADD_INVALID', /data of job .* cannot be handed/)
  await said({ data: 1, transfer: [{} as never] }, 'SQUADD_INVALID', /cannot be handed/)
  await said({ export: 'functionResult' }, 'SQUADD_INVALID', /the result cannot be copied/)
  t.equal(await pool.submit(job('echo', 1)), 1)
  addsUp(t, pool.metrics())
})

t.test('an option out of range is refused by name', (t) => {
  const refused = (options: WorkerPoolOptions, words: RegExp) =>
    t.throws(() => new WorkerPool(options), { code: 'SQUADD_INVALID', message: words })
  refused({ maxWorkers: 0 }, /maxWorkers 0 .*from 1 to 1000/)
  refused({ maxWorkers: 1001 }, /maxWorkers 1001/)
  refused({ queueSize: 100_001 }, /queueSize 100001 .*100000/)
  refused({ workerTimeoutMs: 1.5 }, /workerTimeoutMs 1.5/)
  refused({ minWorkers: 3, maxWorkers: 2 }, /minWorkers 3 is more than maxWorkers/)
  refused({ workers: 3 } as never, /workers 3 is unknown.*maxWorkers/)
  refused(
    { resourceLimits: { maxOldGenerationSizeMb: 0 } },
    /resourceLimits.maxOldGenerationSizeMb 0/,
  )
  refused({ resourceLimits: { heap: 1 } as never }, /resourceLimits.heap/)
  t.end()
})

t.test('a pool takes jobs from start to shutdown, and no more than its queue holds', async (t) => {
  const pool = new WorkerPool({ maxWorkers: 1, queueSize: 2, execArgv: plainArgv })
  t.equal(await endOf(pool.submit(job('echo'))), 'SQUADD_POOL_NOT_STARTED')
  await Promise.all([pool.start(), pool.start()])
  const cells = gateCells()
  const first = pool.submit(job('gate', cells))
  await waitersAt(cells, 1)
  const waiting = [pool.submit(job('echo', 1)), pool.submit(job('echo', 2))]
  const refused = await pool.submit(job('echo')).catch((error: unknown) => error)
  t.match(refused, { code: 'SQUADD_POOL_QUEUE_FULL', message: /2 jobs wait/ })
  t.match(pool.metrics(), { submitted: 3, queued: 2, running: 1, activeWorkers: 1 })
  const down = pool.shutdown()
  t.equal(await endOf(pool.submit(job('echo'))), 'SQUADD_POOL_SHUTTING_DOWN')
  t.equal(await endOf(pool.start()), 'SQUADD_POOL_SHUTTING_DOWN')
  openGate(cells)
  t.same(await Promise.all(waiting), [1, 2], 'what was accepted is done')
  await first
  await down
  t.match(pool.metrics(), { submitted: 3, completed: 3, queued: 0, running: 0, idleWorkers: 0 })
  t.ok(pool.workers().every(({ status }) => status === 'stopped'))
})

t.test('a shutdown that takes too long says what it dropped', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  const results = collectResults(pool.results())
  const good = pool.submit(job('echo', 1, { id: 'good' }))
  const ends = [endOf(pool.submit(job('loop', 0, { id: 'endless' })))]
  ends.push(endOf(pool.submit(job('echo', 0, { id: 'behind' }))))
  await good
  const error = await pool.shutdown({ timeoutMs: 20 }).catch((thrown: unknown) => thrown)
  t.match(error, { code: 'SQUADD_TIMEOUT', message: /within 20 ms: 2 jobs were dropped/ })
  t.same((error as SquadError).data['dropped'], ['endless', 'behind'])
  t.same(await Promise.all(ends), ['SQUADD_POOL_SHUTTING_DOWN', 'SQUADD_POOL_SHUTTING_DOWN'])
  t.match(await results, { values: [1], errors: [{ id: 'endless' }, { id: 'behind' }] })
  t.match(pool.metrics(), { completed: 1, dropped: 2 })
  addsUp(t, pool.metrics())
  t.equal(await endOf(pool.shutdown()), 'SQUADD_TIMEOUT', 'asked again it answers the same')
})

t.test('a pool that is not used ends at once, started or not', async (t) => {
  await new WorkerPool().shutdown()
  const pool = new WorkerPool()
  void pool.start()
  await pool.shutdown({ timeoutMs: 0 })
  t.same(pool.workers(), [])
  await using other = new WorkerPool({ maxWorkers: 1, execArgv: plainArgv })
  await other.start()
  t.equal(await other.submit(job('echo', 1)), 1)
})

t.test('an abort takes a waiting job out and ends the thread of a running one', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  const gone = AbortSignal.abort('before')
  t.equal(await endOf(pool.submit(job('echo'), { signal: gone })), 'SQUADD_POOL_JOB_ABORTED')
  t.equal(pool.metrics().submitted, 0)
  const [running, waiting] = [new AbortController(), new AbortController()]
  const cells = gateCells()
  const first = pool.submit(job('gate', cells), { signal: running.signal })
  await waitersAt(cells, 1)
  const second = pool.submit(job('echo'), { signal: waiting.signal })
  const third = pool.submit(job('echo', 3))
  waiting.abort('not now')
  t.match(await second.catch((error: unknown) => error), {
    code: 'SQUADD_POOL_JOB_ABORTED',
    cause: 'not now',
  })
  running.abort()
  t.equal(await endOf(first), 'SQUADD_POOL_JOB_ABORTED')
  t.equal(await third, 3, 'another thread goes on')
  t.match(pool.metrics(), { aborted: 2, completed: 1, lostWorkers: 1 })
  addsUp(t, pool.metrics())
})

t.test('a signal that outlives its jobs keeps nothing of them', async (t) => {
  const pool = startPool(t, { maxWorkers: 2 })
  const { signal } = new AbortController()
  const listeners = () => getEventListeners(signal, 'abort').length
  const jobs = Array.from({ length: 50 }, (_, n) => pool.submit(job('echo', n), { signal }))
  t.equal(listeners(), 50)
  await Promise.all(jobs)
  t.equal(listeners(), 0)
})

t.test('results come to every reader in the order of the ends, errors among them', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  const all = collectResults<number>(pool.results())
  const three = collectResults<number>(pool.results(), 3)
  t.same(await collectResults(pool.results(), 0), { values: [], errors: [] })
  // Nobody waits for these: their errors are told by the results.
  for (const n of [1, 2, 3]) void pool.submit(job('echo', n))
  void pool.submit(job('fail', 'four', { id: 'four' }))
  for (const n of [5, 6]) void pool.submit(job('echo', n))
  t.same(await three, { values: [1, 2, 3], errors: [] })
  await pool.shutdown()
  const { values, errors } = await all
  t.same(values, [1, 2, 3, 5, 6])
  t.match(errors, [{ id: 'four', outcome: 'failed', error: { message: 'four' } }])
  t.ok(errors[0]!.latencyMs > 0)
  t.same(await collectResults(pool.results()), { values: [], errors: [] }, 'nothing comes any more')
})

t.test(
  'results that nobody takes are bounded, and hold back nothing that was accepted',
  async (t) => {
    const pool = startPool(t, { maxWorkers: 1, queueSize: 3 })
    const results = pool.results()
    for (const n of [1, 2, 3]) t.equal(await pool.submit(job('echo', n)), n)
    const refused = await pool.submit(job('echo')).catch((error: unknown) => error)
    t.match(refused, { code: 'SQUADD_POOL_QUEUE_FULL', message: /3 results .* are unread/ })
    const { value } = (await results.next()) as { value: JobResult }
    t.match(value, { outcome: 'completed', value: 1 })
    t.equal(await pool.submit(job('echo', 4)), 4)
    await results.return?.()
    for (const n of [5, 6, 7, 8])
      t.equal(await pool.submit(job('echo', n)), n, 'a reader that left')
  },
)

t.test('metrics tell how long jobs took', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  t.same(pool.metrics().latencyMs, { average: 0, min: 0, max: 0, p50: 0, p99: 0 })
  for (let n = 0; n < 200; n += 1) await pool.submit(job('echo', n))
  const { average, min, max, p50, p99 } = pool.metrics().latencyMs
  t.ok(min > 0 && min <= p50 * 1.02 && p50 <= p99 && p99 <= max * 1.02)
  t.ok(min <= average && average <= max)
  addsUp(t, pool.metrics())
})

t.test('workers tell what they do and did', async (t) => {
  const pool = startPool(t, { maxWorkers: 2 })
  t.same(pool.workers(), [], 'threads come with the work')
  const before = Date.now()
  await pool.submit(job('echo'))
  await pool.submit(job('fail', 'bad')).catch(() => {})
  const cells = gateCells()
  const waiting = pool.submit(job('gate', cells, { id: 'waits' }))
  await waitersAt(cells, 1)
  const busy = pool.workers().find(({ status }) => status === 'busy')!
  t.match(busy, { job: 'waits', jobsProcessed: 2, lastError: 'RangeError: bad' })
  t.ok(busy.lastHeartbeatAt >= before - 1 && busy.lastHeartbeatAt <= Date.now() + 1)
  const hour = 3_600_000
  const { now } = Date
  t.intercept(Date, 'now', { value: () => now() + hour })
  const later = pool.workers().find(({ id }) => id === busy.id)!
  t.ok(later.lastHeartbeatAt >= before + hour - 1, 'it goes by the clock as it is set now')
  openGate(cells)
  t.equal(await waiting, busy.id, 'the id is that of the thread')
  t.match(
    pool.workers().find(({ id }) => id === busy.id),
    { status: 'idle', job: null },
  )
})

t.test('threads that have had nothing to do for long go, all but the least', async (t) => {
  const busyThenIdle = async () => {
    const gone = threadsEnd(t, 2)
    const pool = startPool(t, { maxWorkers: 3, minWorkers: 1, idleTimeoutMs: 20 })
    const cells = gateCells()
    const jobs = [1, 2, 3].map(() => pool.submit(job('gate', cells)))
    await waitersAt(cells, 3)
    openGate(cells)
    await Promise.all(jobs)
    await gone
    return pool
  }
  const pool = await busyThenIdle()
  t.match(pool.workers(), [{ status: 'idle' }])
  // Those of another go, which have been idle for less time.
  await busyThenIdle()
  t.match(pool.workers(), [{ status: 'idle' }], 'the last stays')
  t.equal(pool.metrics().lostWorkers, 0)
  t.equal(await pool.submit(job('echo', 1)), 1)
})

t.test('calls from everywhere at once harm nothing', async (t) => {
  const pool = startPool(t, { maxWorkers: 4, queueSize: 100_000 })
  const results = collectResults<number>(pool.results())
  const numbers = Array.from({ length: 2000 }, (_, n) => n)
  const answers = await Promise.all(
    numbers.map(async (n) => {
      if (n % 7 === 0) await nextTurn()
      const value = await pool.submit<number>(job('echo', n, { priority: n % 5 }))
      if (n % 50 === 0) addsUp(t, pool.metrics())
      return value
    }),
  )
  t.same(answers, numbers)
  await Promise.all([pool.shutdown(), pool.shutdown()])
  t.same(
    (await results).values.toSorted((a, b) => a - b),
    numbers,
  )
})

t.test('room comes by turns, for as many as there is room for', async (t) => {
  const pool = startPool(t, { maxWorkers: 1, queueSize: 2 })
  const cells = gateCells()
  const first = pool.submit(job('gate', cells))
  await waitersAt(cells, 1)
  await pool.room()
  for (const n of [1, 2]) void pool.submit(job('echo', n))
  // Thirty producers wait; none of them is ever refused, and some want no place after all.
  const order: number[] = []
  const producers = Array.from({ length: 30 }, async (_, n) => {
    await pool.room()
    order.push(n)
    return n % 3 === 0 ? n : pool.submit<number>(job('echo', n))
  })
  t.same(order, [])
  openGate(cells)
  await first
  const numbers = [...Array(30).keys()]
  t.same(await Promise.all(producers), numbers)
  t.same(order, numbers)
  pool.submit(job('loop')).catch(() => {})
  for (const n of [1, 2]) pool.submit(job('echo', n)).catch(() => {})
  const late = endOf(pool.room())
  pool.shutdown({ timeoutMs: 0 }).catch(() => {})
  t.equal(await late, 'SQUADD_POOL_SHUTTING_DOWN')
  t.equal(await endOf(new WorkerPool().room()), 'SQUADD_POOL_NOT_STARTED')
})

t.test('a reader that has caught up makes room', async (t) => {
  const pool = startPool(t, { maxWorkers: 1, queueSize: 2 })
  const results = pool.results()
  for (const n of [1, 2]) await pool.submit(job('echo', n))
  const room = pool.room()
  t.match(await pool.submit(job('echo')).catch((error: unknown) => error), { message: /unread/ })
  await Promise.all([results.next(), results.next(), Promise.race([results.next(), room])])
  await room
  t.equal(await pool.submit(job('echo', 3)), 3)
})
