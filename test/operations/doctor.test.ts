import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Finding } from '../../src/supervisor/operations/doctor.ts'
import { viewStore } from '../../src/supervisor/operations/store-view.ts'
import { standingStill } from '../support/process.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(600_000)

type Report = { ok: boolean; checks: Finding[] }

const secret = 'sk-ant-api03-canary0123456789abcdef'

async function examine(squad: Squadd, env: Record<string, string> = {}, ...more: string[]) {
  const given = { SQUADD_HOME: squad.home, LANG: 'C.UTF-8', ...env }
  const { stdout, exitCode } = await squad.runWith(given, 'doctor', '--json', ...more)
  const report = JSON.parse(stdout) as Report
  const of = (name: string) => report.checks.find((one) => one.name === name)!
  return { report, exitCode, of }
}

/** Writes something else over the middle of a file. */
function damage(file: string): void {
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xa5, 8192, bytes.length - 4096))
}

t.test('a squad is examined while its daemon runs, and when it does not', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const before = await examine(squad)
  t.equal(before.exitCode, 0, 'a home that was never used is well')
  t.ok(before.report.checks.length >= 25)
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  const up = await examine(squad)
  t.equal(up.exitCode, 0)
  t.match(up.of('daemon'), { status: 'ok', detail: `runs (pid ${await squad.pid()})` })
  t.match(up.of('tmux-conf'), { status: 'ok', detail: /^1 tmux servers/ })
  t.match(up.of('database'), { status: 'ok' })
  const human = await squad.run('doctor')
  t.match(human, { exitCode: 0, stdout: /^CHECK[^]*\nsocket +ok/, stderr: /\d+ checks: / })

  process.kill(await squad.pid(), 'SIGKILL')
  const killed = await examine(squad)
  t.match(killed.of('socket'), { status: 'warn', detail: /dead daemon's/ })
  t.match(killed.of('leftovers'), { status: 'ok' }, 'its agent lives on and is no leftover')
  await squad.json('start')
})

t.test('a daemon that is stopped in its tracks is found by its lock', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  const pid = await squad.pid()
  const { exitCode, of } = await standingStill(pid, () => examine(squad))
  t.equal(exitCode, 1)
  t.match(of('daemon'), { status: 'fail', detail: new RegExp(`process ${pid} holds the lock`) })
})

t.test('what is wrong in a home is found there', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('stop')
  const { instanceId } = viewStore(join(squad.home, 'squadd.db'))
  const orphan = spawn('sleep', ['1000'], { env: { SQUADD_RUN_ID: `${instanceId}/a99/t1-1` } })
  t.teardown(() => orphan.kill('SIGKILL'))
  await once(orphan, 'spawn')
  mkdirSync(join(squad.home, 'worktrees', 'old'))
  chmodSync(join(squad.home, 'logs'), 0o755)
  writeFileSync(join(squad.home, 'token'), 'x', { mode: 0o644 })
  squad.configure({ maxTasks: 3 })
  const env = { LANG: 'C', LC_ALL: '', TZ: 'Mars/Olympus', GIT_DIR: '/x', TMPDIR: '/not/there' }
  const { exitCode, of } = await examine(squad, env)
  t.equal(exitCode, 1)
  t.match(of('leftovers'), { status: 'fail', detail: `${orphan.pid} (sleep)` })
  t.match(of('worktrees'), { status: 'warn', detail: /worktrees\/old/ })
  t.match(of('folders'), { status: 'fail', detail: /logs/ })
  t.match(of('token'), { status: 'fail' })
  t.match(of('config'), { status: 'fail', detail: /maxTasks is not a setting/ })
  t.match(of('locale'), { status: 'warn' })
  t.match(of('time-zone'), { status: 'warn' })
  t.match(of('git-environment'), { status: 'warn', detail: /GIT_DIR/ })
  t.match(of('tmpdir'), { status: 'fail' })
  squad.configure({})
  chmodSync(join(squad.home, 'logs'), 0o700)
  rmSync(join(squad.home, 'token'))

  t.match(of('printed'), { status: 'ok' })
  writeFileSync(join(squad.home, 'printed.log'), 'TypeError: x\n    at y (z.js:1:2)\n', {
    flag: 'a',
  })
  const defect = { level: 'error', msg: 'not handled', err: { message: 'no "x"' } }
  const lines = [
    { ...defect, time: new Date().toISOString() },
    { level: 'error', msg: 'AgentFailed', event: 7, time: new Date().toISOString() },
  ].map((one) => `${JSON.stringify(one)}\n`)
  writeFileSync(join(squad.home, 'daemon.log'), lines.join(''), { flag: 'a' })
  const told = await examine(squad)
  t.match(told.of('printed'), { status: 'warn', detail: /ago: TypeError: x$/ })
  t.match(told.of('log'), { status: 'warn', detail: /ago: not handled: no "x"$/ })

  damage(join(squad.home, 'squadd.db'))
  t.match((await examine(squad)).of('database'), { status: 'fail', fix: /doctor --repair/ })
})

t.test('a bundle has what a report needs and no secret', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo, '--env', `API_KEY=${secret}`)
  const task = await squad.json<{ id: string }>('task', 'add', `echo ${secret} of the prompt`)
  await squad.run('task', 'wait', task.id)
  writeFileSync(join(squad.home, 'daemon.log'), `{"msg":"it said ${secret}"}\n`, { flag: 'a' })
  const file = join(squad.dir, 'bundle.json')
  const { exitCode } = await examine(squad, { SOME_TOKEN: secret }, '--bundle', file)
  t.equal(exitCode, 0)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const text = readFileSync(file, 'utf8')
  t.notMatch(text, 'canary0123456789', 'no secret')
  t.notMatch(text, 'of the prompt', 'nor what a task is about')
  const bundle = JSON.parse(text)
  t.match(bundle.log.join('\n'), /it said \[redacted\]/)
  t.match(bundle, {
    versions: { squadd: String, daemon: String, node: process.version },
    settings: { maxLoadPerCore: { value: 0, origin: 'file' } },
    store: { schema: Number, tasks: { completed: 1 }, agents: [{ variables: ['API_KEY'] }] },
    tables: { task: { rows: 1, sql: /create table/i } },
    checks: Array,
    events: Array,
    printed: Array,
  })
  t.match(
    await squad.run('doctor', '--bundle', file),
    { exitCode: 2, stderr: /--bundle .* cannot be written: EEXIST/ },
    'a file that is there is not overwritten',
  )
  t.match(await squad.run('doctor', '--timeout', '5s'), { exitCode: 2, stderr: /--program/ })
})
