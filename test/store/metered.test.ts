import t from 'tap'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { metered } from '../../src/supervisor/store/metered.ts'
import { openSqliteStore } from '../../src/supervisor/store/open.ts'
import { silentMeter } from '../support/silent-meter.ts'
import { agentSpec, first, someone, spec, succeed, t0, verdictOf } from './support.ts'

function open(t: { teardown(end: () => unknown): void }) {
  const told: string[] = []
  const store = openSqliteStore({
    ...{ file: ':memory:', patience: () => defaults, taskQueueSize: () => 2, now: t0 },
  })
  t.teardown(() => store.close())
  const meter = {
    ...silentMeter,
    stored: (operation: string, ms: number) => told.push(`${operation} ${ms >= 0}`),
    storeFailed: (kind: string) => told.push(`failed ${kind}`),
    dispatched: (step: string, ms: number) => told.push(`dispatched ${step} ${ms >= 0}`),
  }
  return { store, told, meter }
}

t.test('each operation of a store is measured, and does what it did', async (t) => {
  const { store: plain, told, meter } = open(t)
  const store = metered(plain, meter)
  await store.addAgent(agentSpec('ann'), () => '/w', t0)
  t.same(await store.claim([someone], first, 1, t0), [])
  const [task] = await store.enqueue([spec()], t0)
  await store.claim([someone], first, 1, t0)
  t.equal(store.task(task!.id).state, 'running')
  t.equal(await store.record(verdictOf({ id: 't1', fence: 1 }), succeed, t0), 'recorded')
  t.equal(store.instanceId, plain.instanceId)
  t.same(told, [
    ...['agent true', 'claim true', 'enqueue true', 'claim true', 'dispatched claim true'],
    ...['read true', 'record true'],
  ])
})

t.test('no operation fails unseen, whichever it is', async (t) => {
  const { store: plain, told, meter } = open(t)
  const store = metered(plain, meter)
  await plain.close()
  const beside = ['instanceId', 'onCommitted', 'close']
  const calls = Object.keys(plain).filter((name) => !beside.includes(name))
  for (const name of calls) {
    const call = store[name as keyof typeof store] as (...given: unknown[]) => unknown
    // What it is given does not matter: the store is closed.
    await t.rejects(async () => call([], [], 0, 0), { code: 'SQUADD_SHUTTING_DOWN' }, name)
    t.match(told.splice(0), [/^[a-z]+ true$/], name)
  }
})

t.test('who waits for a measured store goes on in the same turn as without', async (t) => {
  const { store, meter } = open(t)
  const written = Promise.resolve()
  t.equal(metered({ ...store, append: () => written }, meter).append([], t0), written)
})

t.test('what a caller may not do is no error of the store', async (t) => {
  const { store: plain, told, meter } = open(t)
  const store = metered(plain, meter)
  await t.rejects(store.enqueue([spec(), spec(), spec()], t0), { code: 'SQUADD_QUEUE_FULL' })
  t.throws(() => store.task('t9'), { code: 'SQUADD_NOT_FOUND' })
  t.same(told, ['enqueue true', 'read true'])
})

t.test('an error of the store is told by its kind, and thrown', async (t) => {
  const { store: plain, told, meter } = open(t)
  const cases = [
    ['SQUADD_STORE_FAILED', 13, 'full'],
    ['SQUADD_STORE_FAILED', 5, 'busy'],
    ['SQUADD_STORE_FAILED', 10 | (3 << 8), 'io'],
    ['SQUADD_STORE_FAILED', 8, 'read_only'],
    ['SQUADD_STORE_FAILED', 1, 'other'],
    ['SQUADD_STORE_CORRUPT', 11, 'corrupt'],
  ] as const
  for (const [code, errcode, kind] of cases) {
    const error = new SquadError(code, 'it failed', { errcode })
    const task = () => {
      throw error
    }
    const store = metered({ ...plain, append: () => Promise.reject(error), task }, meter)
    await t.rejects(store.append([], t0), error)
    t.throws(() => store.task('t1'), error)
    t.same(told.splice(0), [`failed ${kind}`, 'event true', `failed ${kind}`, 'read true'])
  }
})
