import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import {
  armFailpoints,
  failing,
  failingAsync,
  failpoint,
  failpointEnvironment,
} from '../../src/supervisor/failpoint/failpoint.ts'
import { actions, actionsAt, parseFaults } from '../../src/supervisor/failpoint/plan.ts'
import { failpoints } from '../../src/supervisor/failpoint/points.ts'
import type { FailpointName } from '../../src/supervisor/failpoint/points.ts'
import { scratch } from '../support/api.ts'
import { emptyHome } from '../support/cli.ts'

const names = Object.keys(failpoints) as FailpointName[]
const flag = { SQUADD_TEST_FAILPOINTS: '1' }

t.afterEach(() => armFailpoints({}))

t.test('every named failpoint is in the source once, in its file, and no other is', (t) => {
  const found = globSync(['src/**/*.ts', 'bin/**/*.ts'])
    .filter((file) => !file.startsWith('src/supervisor/failpoint/'))
    .flatMap((file) => {
      const planted = /(?:failpoint|failing|failingAsync|write)\(\s*'([a-z_]+\.[a-z_]+)'/g
      return [...readFileSync(file, 'utf8').matchAll(planted)].map(([, name]) => [name, file])
    })
  const named = names.map((name) => [name, failpoints[name].file])
  const inOrder = (rows: (string | undefined)[][]) => rows.map((row) => row.join(' ')).sort()
  t.same(inOrder(found), inOrder(named))
  const whole = names.filter((name) => actionsAt(name).length === actions.length)
  t.ok(whole.length >= 25, `${whole.length} of ${names.length} failpoints take every action`)
  t.end()
})

t.test('without the flag of the tests a fault is refused, and nothing starts', async (t) => {
  const cli = emptyHome(t)
  const fault = { SQUADD_FAILPOINTS: 'store.claim=kill9' }
  for (const args of [['start'], ['start', '--foreground']]) {
    const { code, stderr } = await cli.run(args, { env: fault })
    t.equal(code, 78)
    t.match(stderr, /SQUADD_FAILPOINTS is set.*unset it/)
  }
  t.equal((await cli.run(['status'])).code, 3)
  const unknown = { ...flag, SQUADD_FAILPOINTS: 'store.nothing=error' }
  const { code, stderr } = await cli.run(['start'], { env: unknown })
  t.equal(code, 78)
  t.match(stderr, /there is no failpoint "store\.nothing"/)
})

t.test('a plan is read whole, or refused with what is wrong', (t) => {
  t.match(parseFaults('store.claim=exec_then_error*2; host.fork=delay(20);'), [
    { name: 'store.claim', action: 'exec_then_error', times: 2 },
    { name: 'host.fork', action: 'delay', delayMs: 20, times: Number.MAX_SAFE_INTEGER },
  ])
  const wrong = ['', 'store.claim', 'store.claim=', 'store.claim=explode', 'toString=error']
  for (const text of [...wrong.slice(1), 'dispatch.after_claim=error', 'store.claim=error*-1'])
    t.throws(() => parseFaults(text), { code: 'SQUADD_BAD_CONFIG' }, text)
  t.same(parseFaults(''), [])
  t.end()
})

t.test('a fault happens as often as it was planted', async (t) => {
  let done = 0
  const work = () => (done += 1)
  const fails = { code: 'SQUADD_STORE_FAILED', message: 'failpoint store.claim' }
  armFailpoints({ ...flag, SQUADD_FAILPOINTS: 'store.claim=error*1' })
  t.throws(() => failing('store.claim', work), fails)
  t.equal(done, 0, 'instead of the work')
  t.equal(failing('store.claim', work), 1, 'and not again')
  t.equal(failing('store.record', work), 2, 'nor elsewhere')

  armFailpoints({ ...flag, SQUADD_FAILPOINTS: 'store.claim=exec_then_error*1' })
  await t.rejects(
    failingAsync('store.claim', async () => work()),
    fails,
  )
  t.equal(done, 3, 'after the work')
  t.equal(await failingAsync('store.claim', async () => work()), 4)

  armFailpoints({ ...flag, SQUADD_FAILPOINTS: 'store.claim=delay(30)*1' })
  const began = performance.now()
  failing('store.claim', work)
  t.ok(performance.now() - began >= 29)
  t.same(failpointEnvironment(flag), flag, 'children have it too')
  armFailpoints({})
  t.same(failpointEnvironment(flag), {}, 'unless nothing is planted')
  failpoint('store.before_commit')
})

t.test('processes that share a journal count together, and what died has said so', (t) => {
  const dir = scratch(t)
  const journal = join(dir, 'journal')
  const module = new URL('../../src/supervisor/failpoint/failpoint.ts', import.meta.url).href
  const script = join(dir, 'strike.mjs')
  writeFileSync(
    script,
    `import { armFailpoints, failpoint } from '${module}'
     armFailpoints(process.env)
     failpoint('dispatch.after_claim')
     console.log('lived')`,
  )
  const env = {
    ...flag,
    PATH: process.env['PATH'],
    SQUADD_FAILPOINTS: 'dispatch.after_claim=kill9*2',
    SQUADD_FAILPOINTS_JOURNAL: journal,
  }
  const run = () => spawnSync(process.execPath, [script], { env })
  t.equal(run().signal, 'SIGKILL')
  t.equal(run().signal, 'SIGKILL')
  t.equal(run().stdout.toString(), 'lived\n')
  t.match(readFileSync(journal, 'utf8'), /^(dispatch\.after_claim kill9 \d+\n){2}$/)
  t.end()
})

t.test('the error of a fault is the one its callers know', (t) => {
  for (const name of names.filter((one) => failpoints[one].error !== null)) {
    armFailpoints({ ...flag, SQUADD_FAILPOINTS: `${name}=error` })
    try {
      failing(name, () => t.fail('not done'))
    } catch (error) {
      t.ok(error instanceof SquadError && error.code === failpoints[name].error, name)
    }
  }
  t.end()
})
