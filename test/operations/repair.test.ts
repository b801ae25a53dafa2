import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import t from 'tap'
import { prepareHome, resolveHome } from '../../src/supervisor/api/local.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { repair } from '../../src/supervisor/operations/repair.ts'
import { damageOf } from '../../src/supervisor/operations/store-view.ts'
import { openSqliteStore } from '../../src/supervisor/store/open.ts'
import { scratch } from '../support/api.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(600_000)

type Task = { id: string; state: string; reason: string | null }
type Repaired = {
  done: string[]
  restored: { saved: string[]; lost: string[]; held: string[]; isComplete: boolean } | null
}

const pageBytes = 4096
const storeOf = (squad: Squadd) => join(squad.home, 'squadd.db')

/** The page that a table or index begins at. */
function rootOf(file: string, name: string): number {
  const database = new DatabaseSync(file)
  const found = database.prepare('select rootpage from sqlite_schema where name = ?').get(name)
  database.close()
  return Number(found!['rootpage'])
}

function overwrite(file: string, page: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, (page - 1) * pageBytes)
  closeSync(descriptor)
}

const rubbish = (pages = 1) => Buffer.alloc(pages * pageBytes, 0xa5)

/** A squad whose agent takes nothing, so that a test decides what has run when. */
async function pausedSquad(t: Test) {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
  await squad.json('agent', 'pause', 'ada')
  const add = (...args: string[]) => squad.json<Task>('task', 'add', ...args)
  const show = (id: string) => squad.json<Task>('task', 'show', id)
  const finish = async (...ids: string[]) => {
    await squad.json('agent', 'resume', 'ada')
    t.match(await squad.run('task', 'wait', ...ids), { exitCode: 0 })
    await squad.json('agent', 'pause', 'ada')
  }
  return { squad, add, show, finish }
}

t.test(
  'overwritten pages: the start refuses, the repair brings back what can be read',
  async (t) => {
    const { squad, add, show, finish } = await pausedSquad(t)
    const file = storeOf(squad)
    const done = await add('echo before')
    await finish(done.id)
    const waits = await add('echo later')
    await squad.json('backup')
    const after = await add('echo after the backup', '--key', 'k7')
    const child = await add('echo child', '--after', waits.id)
    await finish(waits.id, after.id, child.id)
    const last = await add('echo last')
    await squad.json('stop')

    const bytes = readFileSync(file)
    overwrite(file, rootOf(file, 'event'), rubbish())
    const broken = readFileSync(file)
    t.notSame(broken, bytes)
    const refused = await squad.run('start')
    t.equal(refused.exitCode, 78)
    t.match(refused.stderr, /squadd\.db cannot be used: .*doctor --repair/)
    t.same(readFileSync(file), broken, 'and leaves it as it is')

    const { restored, done: said } = await squad.json<Repaired>('doctor', '--repair')
    t.match(restored, { lost: [], held: [], isComplete: true })
    t.same(restored!.saved.toSorted(), [waits, after, child, last].map(({ id }) => id).toSorted())
    const kept = said
      .find((one) => one.includes('are kept in'))!
      .split(' ')
      .at(-1)!
    t.same(readFileSync(join(kept, 'squadd.db')), broken, 'the damaged file is kept')
    t.equal(damageOf(file, 'whole'), null)
    t.equal(statSync(file).mode & 0o777, 0o600)

    await squad.json('start')
    for (const { id } of [done, waits, after, child])
      t.match(await show(id), { state: 'completed', result: { success: true } }, id)
    t.match(await show(last.id), { state: 'ready' })
    t.match(await add('echo again', '--key', 'k7'), { id: after.id }, 'its key is known')
    await finish(last.id)
    const next = await add('echo next')
    t.ok(Number(next.id.slice(1)) > Number(last.id.slice(1)), 'no number is used twice')
    await finish(next.id)
    t.match(await squad.json('status'), { tasks: { completed: 6 } })
  },
)

t.test('nothing can be read: what may have run is held, and no number comes back', async (t) => {
  const { squad, add, show, finish } = await pausedSquad(t)
  const file = storeOf(squad)
  const ran = await add('echo ran after the backup')
  const waits = await add('echo waits')
  await squad.json('backup')
  await squad.json('task', 'cancel', waits.id)
  await finish(ran.id)
  await squad.json('task', 'retry', waits.id)
  const gone = await add('echo gone')
  await squad.json('task', 'cancel', waits.id)
  await finish(gone.id)
  await squad.json('stop')
  const stored = statSync(file).size / pageBytes
  overwrite(file, 1, rubbish(stored))

  t.match(await squad.run('start'), { exitCode: 78, stderr: /doctor --repair/ })
  const human = await squad.run('doctor', '--repair')
  t.equal(human.exitCode, 0)
  t.match(human.stdout, /more tasks may have been stored after it/)
  t.match(human.stdout, new RegExp(`held, because they may have run since: ${ran.id};`))
  await squad.json('start')
  t.match(await show(ran.id), { state: 'held', reason: /an attempt began since the backup/ })
  t.match(await show(waits.id), { state: 'ready' }, 'nothing says that it ran')
  await squad.json('task', 'release', ran.id)
  await finish(ran.id)
  const logs = readdirSync(join(squad.home, 'logs'))
  t.ok(logs.includes(`${ran.id}-2.log.0`), 'nor a fence')
  const next = await add('echo next')
  t.ok(Number(next.id.slice(1)) > Number(gone.id.slice(1)))
  const events = await squad.run('events', '--json')
  t.match(events.stdout, /"type":"StoreRestored"/)
})

t.test('what was stored after the backup and cannot be read is named', async (t) => {
  const { squad, add, show } = await pausedSquad(t)
  const kept = await add('echo kept')
  await squad.json('backup')
  const lost = [await add('echo lost'), await add('echo lost too')].map(({ id }) => id)
  await squad.json('stop')
  overwrite(storeOf(squad), rootOf(storeOf(squad), 'spec'), rubbish())
  const { stdout } = await squad.run('doctor', '--repair')
  t.match(stdout, `stored after it and LOST: ${lost.join(' ')}; submit them again`)
  t.notMatch(stdout, /more tasks may have been stored/)
  await squad.json('start')
  t.match(await show(kept.id), { state: 'ready' })
  t.match(await squad.run('task', 'show', lost[0]!), { exitCode: 5 })
})

t.test('a store that is gone is found missing, and comes back', async (t) => {
  const { squad, add, show } = await pausedSquad(t)
  const task = await add('echo x')
  await squad.json('backup')
  await squad.json('stop')
  rmSync(storeOf(squad))
  const { stdout } = await squad.run('doctor', '--json')
  t.match(JSON.parse(stdout), { ok: false })
  t.match(stdout, /it is gone, and 1 backups are there/)
  t.match(await squad.json('doctor', '--repair'), { restored: { saved: [], lost: [] } })
  await squad.json('start')
  t.match(await show(task.id), { state: 'ready' })
})

t.test('a repair needs the daemon to be stopped, and a backup when pages are lost', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  const agents = join(squad.home, 'agents')
  chmodSync(agents, 0o777)
  t.match(await squad.run('doctor', '--repair'), { exitCode: 6, stderr: /squadd stop first/ })
  t.equal(statSync(agents).mode & 0o777, 0o777, 'it touches nothing while the daemon runs')
  chmodSync(agents, 0o700)
  await squad.json('stop')
  const file = storeOf(squad)
  const good = readFileSync(file)
  overwrite(file, 2, rubbish())
  const broken = readFileSync(file)
  t.match(await squad.run('doctor', '--repair'), { exitCode: 78, stderr: /no sound backup/ })
  t.same(readFileSync(file), broken)
  const descriptor = openSync(file, 'w')
  writeSync(descriptor, good)
  closeSync(descriptor)
  t.match(await squad.json('doctor', '--repair'), { done: ['the store is sound'], restored: null })
})

t.test('a damaged backup is passed over for an older one that is sound', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  const older = await squad.json<{ file: string }>('backup')
  const newer = await squad.json<{ file: string }>('backup')
  await squad.json('stop')
  overwrite(newer.file, 3, rubbish())
  overwrite(storeOf(squad), 3, rubbish())
  t.match(await squad.json('doctor', '--repair'), { restored: { backup: { file: older.file } } })
  t.match(await squad.json('start'), { pid: Number })
})

t.test('an index is made again without a backup', async (t) => {
  const { squad, add, show } = await pausedSquad(t)
  const task = await add('echo x')
  await squad.json('stop')
  const file = storeOf(squad)
  // A leaf of an index that has no entry.
  const empty = Buffer.alloc(pageBytes)
  empty.set([0x0a, 0, 0, 0, 0, 0x10, 0, 0])
  overwrite(file, rootOf(file, 'task_state'), empty)
  t.match(damageOf(file, 'whole'), /index/)
  t.match(await squad.json('doctor', '--repair'), {
    done: [/made the indexes again/, /kept in/],
    restored: null,
  })
  t.equal(damageOf(file, 'whole'), null)
  await squad.json('start')
  t.match(await show(task.id), { state: 'ready' })
})

/** Changes the texts of a store file in which nothing is being written; both have the same length. */
function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'latin1')
  writeFileSync(file, text.replaceAll(from, to), 'latin1')
}

function execute(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

t.test('where new indexes do not make a store sound it is left as it was', async (t) => {
  const home = resolveHome({ home: scratch(t), env: {} })
  prepareHome(home)
  const file = home.storeFile
  const settings = { patience: () => defaults, taskQueueSize: () => 100 }
  await openSqliteStore({ file, ...settings, now: 0 }).close()
  execute(file, 'pragma journal_mode = delete')
  // So much is wrong with an index that a check says nothing of what else is.
  const right = ['notice_due on notice(rule, due_at', 'value text not null'] as const
  const wrong = ['notice_due on notice(rule,-due_at', 'value text         '] as const
  edit(file, right[0], wrong[0])
  edit(file, right[1], wrong[1])
  const notices = [1, 2, 3].map((due) => `('x', '{}', 0, ${due})`).join(', ')
  execute(
    file,
    `insert into notice(rule, event, tries, due_at) values ${notices}; reindex notice_due;
     insert into meta(name, value) values ('odd', null)`,
  )
  edit(file, wrong[0], right[0])
  edit(file, wrong[1], right[1])
  const damage = damageOf(file, 'whole')
  t.match(damage, /^(row \d missing from index notice_due(; )?){3}$/)
  const before = readFileSync(file)
  t.throws(() => repair(home, Date.now()), { code: 'SQUADD_STORE_CORRUPT', message: /left as it/ })
  t.same(readFileSync(file), before)
  const files = readdirSync(home.stateDir).filter((name) => name.startsWith('squadd.db'))
  t.same(files, ['squadd.db'], 'nothing of the try is left')
  execute(file, `delete from meta where name = 'odd'`)
  t.match(repair(home, Date.now()), { done: [/made the indexes again/, /kept in/], restored: null })
  t.equal(damageOf(file, 'whole'), null)
})

t.test(
  'what a killed daemon had only in its log is in the store whose indexes were made again',
  async (t) => {
    const home = resolveHome({ home: scratch(t), env: {} })
    prepareHome(home)
    const file = home.storeFile
    const settings = { patience: () => defaults, taskQueueSize: () => 100 }
    await openSqliteStore({ file, ...settings, now: 0 }).close()
    execute(file, 'pragma journal_mode = delete')
    edit(file, 'notice_due on notice(rule, due_at', 'notice_due on notice(rule,-due_at')
    // As kill -9 leaves it: a log that nobody has taken over, and the damage is in it.
    const writer = new DatabaseSync(file)
    writer.exec(
      `pragma journal_mode = wal;
       insert into notice(rule, event, tries, due_at) values ('late', '{}', 0, 1)`,
    )
    const files = ['', '-wal'].map((end) => [end, readFileSync(`${file}${end}`)] as const)
    writer.close()
    for (const [end, bytes] of files) writeFileSync(`${file}${end}`, bytes)
    edit(file, 'notice_due on notice(rule,-due_at', 'notice_due on notice(rule, due_at')
    t.match(repair(home, Date.now()), { done: [/made the indexes again/, /kept in/] })
    t.equal(damageOf(file, 'whole'), null)
    const database = new DatabaseSync(file, { readOnly: true })
    t.match(database.prepare('select rule from notice').all(), [{ rule: 'late' }])
    database.close()
  },
)

/** A socket that nobody listens at any more. */
async function plantSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.new`)
  await once(server, 'listening')
  renameSync(`${path}.new`, path)
  server.close()
  await once(server, 'close')
}

t.test('modes, folders and dead sockets are mended', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  process.kill(await squad.pid(), 'SIGKILL')
  await plantSocket(join(squad.home, 'run', 'a77.sock'))
  const report = JSON.parse((await squad.run('doctor', '--json')).stdout) as { checks: object[] }
  t.match(
    report.checks.filter((one) => 'name' in one && one.name === 'leftovers'),
    [{ status: 'warn', detail: /a77\.sock/, fix: /--repair removes them/ }],
  )
  const socket = join(squad.home, 'run', 'squadd.sock')
  t.ok(existsSync(socket))
  chmodSync(join(squad.home, 'agents'), 0o777)
  rmSync(join(squad.home, 'logs'), { recursive: true })
  const { done } = await squad.json<Repaired>('doctor', '--repair')
  t.match(done, [
    /agents is private again/,
    /made .*logs/,
    /dead socket squadd\.sock/,
    /dead socket agents\.sock/,
    /sound/,
    /dead socket a77\.sock/,
  ])
  t.notOk(existsSync(socket))
  t.equal(statSync(join(squad.home, 'agents')).mode & 0o777, 0o700)
  t.ok(readdirSync(squad.home).includes('logs'))
  t.match(await squad.json('start'), { pid: Number })
})
