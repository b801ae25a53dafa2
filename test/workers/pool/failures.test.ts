import { spawnSync } from 'node:child_process'
import { on, once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { collectResults } from '../../../src/workers/pool/job-results.ts'
import { endOf, gateCells, job, openGate, plainArgv, startPool, waitersAt } from './support.ts'

t.setTimeout(180_000)

const memory = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 }

/** Each way to take a worker down, and how its job ends. */
const bad = {
  loop: { make: () => job('loop', 0, { timeoutMs: 5 }), ends: 'SQUADD_TIMEOUT' },
  forEver: { make: () => job('forEver', 0, { timeoutMs: 5 }), ends: 'SQUADD_TIMEOUT' },
  exit: { make: () => job('exit', 3), ends: 'SQUADD_POOL_WORKER_DIED' },
  stray: { make: () => job('stray'), ends: 'SQUADD_POOL_WORKER_DIED' },
  hoard: { make: () => job('hoard'), ends: 'SQUADD_POOL_WORKER_DIED' },
} as const

for (const [name, { make, ends }] of Object.entries(bad))
  t.test(`a job that does ${name} ends, its worker is replaced, the others go on`, async (t) => {
    const pool = startPool(t, { maxWorkers: 2, resourceLimits: memory })
    const cells = gateCells()
    const neighbour = pool.submit<number>(job('gate', cells))
    await waitersAt(cells, 1)
    const before = pool.workers().find(({ status }) => status === 'busy')!
    const failing = pool.submit(make())
    const behind = Array.from({ length: 20 }, (_, n) => pool.submit(job('echo', n)))
    t.equal(await endOf(failing), ends)
    t.same(await Promise.all(behind), [...Array(20).keys()], 'what waited behind it is done')
    openGate(cells)
    t.equal(await neighbour, before.id, 'its neighbour was left alone')
    t.match(pool.metrics(), { lostWorkers: 1, completed: 21, queued: 0, running: 0 })
    const end = ends === 'SQUADD_TIMEOUT' ? { timedOut: 1, failed: 0 } : { timedOut: 0, failed: 1 }
    t.match(pool.metrics(), end)
  })

t.test('the reason of a death is told', async (t) => {
  const pool = startPool(t, { maxWorkers: 1, resourceLimits: memory })
  const said = async (name: keyof typeof bad) =>
    String(await pool.submit({ ...bad[name].make(), id: name }).catch((error: unknown) => error))
  t.match(await said('exit'), /job "exit": its worker died: it ended with code 3/)
  t.match(await said('stray'), /job "stray": its worker died: stray/)
  t.match(await said('hoard'), /memory limit/)
  t.match(await said('loop'), /job "loop" did not end within 5 ms; its worker was ended/)
})

t.test('workers that die at the same moment are all noticed, each with its reason', async (t) => {
  const pool = startPool(t, { maxWorkers: 3 })
  const cells = gateCells()
  const codes = [1, 2, 3]
  const failing = codes.map((code) =>
    pool.submit(job('gateExit', { cells, code })).catch((error: unknown) => String(error)),
  )
  await waitersAt(cells, codes.length)
  const threads = () => readdirSync('/proc/self/task').length
  const left = threads() - codes.length
  openGate(cells)
  // We are told of the first only when the last is gone as well.
  const limit = performance.now() + 20_000
  while (threads() > left && performance.now() < limit);
  for (const [n, said] of (await Promise.all(failing)).entries())
    t.match(said, `it ended with code ${codes[n]}`)
  t.match(pool.metrics(), { lostWorkers: 3, failed: 3, queued: 0, running: 0 })
  t.equal(await pool.submit(job('echo', 'on')), 'on')
})

t.test('1,000 jobs of all kinds of bad ones and good ones: nothing is lost', async (t) => {
  const pool = startPool(t, { maxWorkers: 4, queueSize: 2000, resourceLimits: memory })
  const results = collectResults(pool.results())
  const kinds = [
    ...Array.from({ length: 3 }, () => 'hoard' as const),
    ...Array.from({ length: 20 }, () => 'stray' as const),
    ...Array.from({ length: 20 }, () => 'exit' as const),
    ...Array.from({ length: 20 }, () => 'loop' as const),
    ...Array.from({ length: 7 }, () => 'forEver' as const),
    ...Array.from({ length: 430 }, () => 'fail' as const),
    ...Array.from({ length: 500 }, () => 'echo' as const),
  ]
  // Mixed, each time in the same way.
  const mixed = kinds.map((kind, n) => ({ kind, key: (n * 7919) % 1009 }))
  mixed.sort((a, b) => a.key - b.key)
  const ends = mixed.map(async ({ kind }, n) => {
    if (kind === 'fail') return endOf(pool.submit(job('fail', 'no', { id: `${n}` })))
    if (kind === 'echo')
      return pool
        .submit(job('echo', n, { id: `${n}` }))
        .then((value) => (value === n ? 'ok' : value))
    return endOf(pool.submit({ ...bad[kind].make(), id: `${n}` }))
  })
  const expected = { ...bad, fail: { ends: 'RangeError: no' }, echo: { ends: 'ok' } }
  t.same(
    await Promise.all(ends),
    mixed.map(({ kind }) => expected[kind].ends),
  )
  await pool.shutdown()
  t.match(pool.metrics(), {
    ...{ submitted: 1000, completed: 500, failed: 473, timedOut: 27, aborted: 0, dropped: 0 },
    ...{ queued: 0, running: 0, lostWorkers: 70 },
  })
  const { values, errors } = await results
  t.equal(values.length + errors.length, 1000)
  t.equal(new Set(errors.map(({ id }) => id)).size, 500, 'each is told once')
})

t.test('what follows a job that ran long goes to a thread that stood by', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  const stop = new AbortController()
  const made = on(process, 'worker') as AsyncIterableIterator<[Worker]>
  const running = endOf(pool.submit(job('loop'), { signal: stop.signal }))
  await made.next()
  // A job that is long at work may have to be ended: another thread comes up meanwhile.
  const {
    value: [spare],
  } = (await made.next()) as IteratorYieldResult<[Worker]>
  const next = pool.submit<number>(job('thread'))
  await once(spare, 'message')
  stop.abort()
  t.equal(await next, spare.threadId)
  t.equal(await running, 'SQUADD_POOL_JOB_ABORTED')
})

t.test('a thread stands by also when a timer comes a moment before a job is long', async (t) => {
  const pool = startPool(t, { maxWorkers: 1 })
  await pool.submit(job('echo'))
  const made = on(process, 'worker', { signal: AbortSignal.timeout(10_000) })
  let now = performance.now()
  let step = 0
  performance.now = () => (now += step)
  t.teardown(() => Reflect.deleteProperty(performance, 'now'))
  const cells = gateCells()
  const running = pool.submit(job('gate', cells))
  // Long is 50 ms: not yet when it is looked at, but when the next look is planned.
  now += 49.7
  step = 0.2
  await made.next()
  openGate(cells)
  await running
})

t.test('where no thread comes up, what waits is told so', async (t) => {
  const pool = startPool(t, { maxWorkers: 2, execArgv: ['--import=/no/such/module.js'] })
  const [first, second] = [pool.submit(job('echo')), pool.submit(job('echo'))]
  for (const one of [first, second])
    t.match(await one.catch((error: unknown) => error), {
      code: 'SQUADD_POOL_WORKER_DIED',
      message: /no worker comes up: .*module.js.*resourceLimits/,
    })
  t.match(pool.metrics(), { submitted: 2, failed: 2, queued: 0, running: 0 })
  await pool.shutdown()
})

t.test('a process ends by itself when its pool is idle, and not before its jobs are done', (t) => {
  const url = (file: string) => JSON.stringify(`file://${join(import.meta.dirname, file)}`)
  const script = `
    import { WorkerPool } from ${url('../../../src/workers/pool/worker-pool.ts')}
    const pool = new WorkerPool({ maxWorkers: 2 })
    pool.start()
    const module = ${url('../../fixtures/pool-jobs.ts')}
    pool.submit({ module, export: 'later', data: 1 }).then(() => console.log('done'))
    setTimeout(() => console.log('alive'), 1e6).unref()`
  const file = join(t.testdir({ 'script.mjs': script }), 'script.mjs')
  const args = [...plainArgv, file]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.same([stdout, stderr, status], ['done\n', '', 0])
  t.end()
})
