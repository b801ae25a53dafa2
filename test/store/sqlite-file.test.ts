import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { Store } from '../../src/supervisor/domain/ports.ts'
import { listBackups } from '../../src/supervisor/operations/backups.ts'
import { copyBefore } from '../../src/supervisor/store/backup.ts'
import { migrate, openFile, openSqliteStore, overSqlite } from '../../src/supervisor/store/open.ts'
import { migrations, sqliteDialect } from '../../src/supervisor/store/schema.ts'
import { Connection } from '../../src/supervisor/store/sqlite.ts'
import { row } from '../../src/supervisor/store/statement.ts'
import { between, seeded } from '../simulation/seeded.ts'
import { seed } from '../support/seed.ts'
import { add, agentSpec, finish, patience, spec, succeed, t0, take, verdictOf } from './support.ts'

const dir = t.testdir()
let files = 0
const newFile = () => join(dir, `${(files += 1)}.db`)
const settings = { patience, taskQueueSize: () => 100_000 }
const open = (file: string) => openSqliteStore({ file, ...settings, now: t0 })

/** A store on a connection that the test holds too. */
function openWithin(file: string): { store: Store; connection: Connection } {
  const connection = openFile(file, t0)
  return { store: overSqlite(connection, settings), connection }
}

t.test('a new store is private, one file after closing, and found again as it was', async (t) => {
  const file = newFile()
  const before = open(file)
  t.match(before.instanceId, /^[0-9a-f]{12}$/)
  for (const name of [file, `${file}-wal`, `${file}-shm`])
    t.equal(statSync(name).mode & 0o777, 0o600, name)
  await before.addAgent(agentSpec('ann'), (key) => key, t0)
  await before.enqueue([spec(), spec({ ref: 'a' }), spec({ after: ['a'] })], t0)
  await finish(before, succeed())
  await take(before)
  const seen = (store: Store) => [
    store.instanceId,
    store.tasks({}),
    store.agents(),
    store.eventsSince(0, 99),
    store.taskCounts(),
    store.counters(),
  ]
  const last = seen(before)
  await before.close()
  const mine = readdirSync(dir).filter((name) => name.startsWith(`${files}.`))
  t.strictSame(mine, [`${files}.db`])
  const after = open(file)
  t.strictSame(seen(after), last)
  t.equal(await after.record(verdictOf({ id: 't2', fence: 1 }), succeed, t0), 'recorded')
  await after.close()
  t.not(open(':memory:').instanceId, open(':memory:').instanceId)
})

t.test('a copy before a change of the tables that fails is no backup', (t) => {
  const home = join(dir, 'copied')
  const backupsDir = join(home, 'backups')
  mkdirSync(home)
  const connection = openFile(join(home, 'squadd.db'), t0)
  t.teardown(() => connection.close())
  // SQLite copies nothing in the middle of a transaction.
  connection.exec('begin')
  t.throws(() => copyBefore(9, connection, t0), { code: 'SQUADD_STORE_FAILED' })
  t.same([readdirSync(backupsDir), listBackups({ backupsDir })], [[], []])
  connection.exec('rollback')
  copyBefore(9, connection, t0)
  t.match(listBackups({ backupsDir }), [{ at: t0, isKept: true }])
  t.equal(readdirSync(backupsDir).length, 1)
  t.end()
})

t.test('a file that others could read is made private again', async (t) => {
  const file = newFile()
  await open(file).close()
  chmodSync(file, 0o644)
  await open(file).close()
  t.equal(statSync(file).mode & 0o777, 0o600)
})

t.test('what cannot be used is refused with a reason, and left as it is', async (t) => {
  const made = newFile()
  const store = open(made)
  await store.enqueue(
    Array.from({ length: 50 }, () => spec({ prompt: 'x'.repeat(3000) })),
    t0,
  )
  await store.close()
  const good = readFileSync(made)
  const sqlite = (statements: string) => (file: string) => {
    const database = new DatabaseSync(file)
    database.exec(statements)
    database.close()
  }
  const bytes = (content: string | Uint8Array) => (file: string) => writeFileSync(file, content)
  const cases: [what: string, make: (file: string) => void, message: RegExp][] = [
    ['text', bytes('just some notes\n'.repeat(100)), /not a database/],
    ['a short text', bytes('hello'), /not a database/],
    ['a torn file', bytes(good.subarray(0, 8192)), /malformed/],
    ['a file with a hole', bytes(Buffer.from(good).fill(7, 100, 4096)), /malformed|not a database/],
    [
      'a database of another program',
      sqlite('create table things(x)'),
      /belongs to another program \(application id 0\)/,
    ],
    ['an empty one of another program', sqlite('pragma application_id = 77'), /another program/],
    [
      'one of a newer squadd',
      (file) => {
        writeFileSync(file, good)
        sqlite('pragma journal_mode = wal; pragma user_version = 9')(file)
      },
      /has version 9, this squadd knows up to \d+; start the newer squadd/,
    ],
    [
      'an empty file beside a log',
      (file) => {
        writeFileSync(file, '')
        writeFileSync(`${file}-wal`, 'x'.repeat(5000))
      },
      /it is empty, but its write-ahead log is not/,
    ],
  ]
  for (const [what, make, message] of cases) {
    const file = newFile()
    make(file)
    const before = readFileSync(file)
    t.throws(() => open(file), { code: 'SQUADD_STORE_CORRUPT', message }, what)
    t.ok(before.equals(readFileSync(file)), `${what} is left as it is`)
  }
})

t.test('a place where no file can be is a failure with a reason, not a damage', (t) => {
  const folder = newFile()
  mkdirSync(folder)
  t.throws(() => open(folder), {
    code: 'SQUADD_STORE_FAILED',
    message: /it is not a file; name one/,
  })
  t.throws(() => open(join(dir, 'no', 'such', 'store.db')), {
    code: 'SQUADD_STORE_FAILED',
    message: /ENOENT.*; make its folder/,
  })
  t.end()
})

t.test('a migration that fails changes nothing, and the next start goes on there', async (t) => {
  const file = newFile()
  await open(file).close()
  const connection = new Connection(file, { readOnly: false })
  const known = migrations(sqliteDialect)
  const version = () => connection.run(row('pragma user_version'))
  const broken = [...known, 'create table extra(x)', 'create table more(x); create table extra(x)']
  t.throws(() => migrate(connection, broken, t0), { code: 'SQUADD_STORE_FAILED' })
  t.match(version(), { user_version: known.length + 1 })
  t.throws(() => connection.exec('select x from more'))
  migrate(connection, [...broken.slice(0, -1), 'create table more(x)'], t0)
  t.match(version(), { user_version: known.length + 2 })
  connection.close()
})

t.test('each commit is synced before it is acknowledged', (t) => {
  const connection = openFile(newFile(), t0)
  const pragma = (name: string) => Object.values(connection.run(row(`pragma ${name}`)) ?? {})
  t.strictSame(pragma('journal_mode'), ['wal'])
  t.strictSame(pragma('synchronous'), [2], 'FULL')
  t.strictSame(pragma('wal_autocheckpoint'), [4000])
  connection.close()
  t.end()
})

t.test('a full disk refuses the write, and the store goes on when there is room', async (t) => {
  const { store, connection } = openWithin(newFile())
  t.teardown(() => store.close())
  const large = { prompt: 'x'.repeat(100_000) }
  await add(store, large)
  connection.exec('pragma max_page_count = 60')
  const refused = { code: 'SQUADD_STORE_FAILED', message: /disk is full.*; free space/ }
  await t.rejects(Promise.all([add(store, large), add(store, large), add(store, large)]), refused)
  await t.rejects(add(store, { prompt: 'x'.repeat(900_000) }), refused)
  const kept = store.tasks({}).length
  t.equal(store.taskCounts().ready, kept)
  await store.append([{ type: 'DaemonStarted' }], t0)
  connection.exec('pragma max_page_count = 100000')
  t.equal((await add(store, large)).state, 'ready')
  t.equal(store.taskCounts().ready, kept + 1)
  t.equal(store.eventsSince(0, 99, ['TaskSubmitted']).length, kept + 1)
})

t.test(
  'a commit that fails refuses every write of its turn, and no listener hears of it',
  async (t) => {
    const { store, connection } = openWithin(newFile())
    t.teardown(() => store.close())
    // A broken reference that is looked at only when the transaction commits.
    connection.exec(`
    pragma foreign_keys = on;
    create table trap(x integer references trap_target(id) deferrable initially deferred);
    create table trap_target(id integer primary key);
    create trigger spring after insert on spec when new.prompt = 'poison'
      begin insert into trap values (1); end;
  `)
    let heard = 0
    store.onCommitted((events) => (heard += events.length))
    const writes = await Promise.allSettled([
      add(store),
      add(store, { prompt: 'poison' }),
      store.append([{ type: 'DaemonStarted' }], t0),
    ])
    for (const write of writes)
      t.match(write, {
        reason: {
          code: 'SQUADD_STORE_FAILED',
          message: /FOREIGN KEY constraint failed \(SQLite 787\)/,
        },
      })
    t.strictSame([heard, store.tasks({}).length, store.taskCounts().ready], [0, 0, 0])
    t.equal((await add(store)).id, 't1')
    t.equal(heard, 1)
  },
)

t.test('a damage that is found later is called by its name', async (t) => {
  const file = newFile()
  const store = open(file)
  await store.enqueue(
    Array.from({ length: 200 }, () => spec({ prompt: 'x'.repeat(3000) })),
    t0,
  )
  await store.close()
  const damaged = open(file)
  const content = readFileSync(file)
  writeFileSync(file, content.fill(0xee, 40 * 4096))
  t.throws(() => damaged.tasks({ limit: 200 }), { code: 'SQUADD_STORE_CORRUPT' })
  await damaged.close().catch(() => {})
  const refused = { code: 'SQUADD_STORE_CORRUPT', message: /it is damaged: .*doctor --repair/ }
  t.throws(() => open(file), refused, 'and the next time it is not opened')
})

t.test(`what was acknowledged is there after kill -9, once (seed ${seed})`, async (t) => {
  const file = newFile()
  const writer = join(import.meta.dirname, '../fixtures/store-writer.ts')
  const stored = new Set<string>()
  const done = new Set<string>()
  const random = seeded(seed)
  for (let round = 0; round < 20; round += 1) {
    const child = spawn(process.execPath, [writer, file, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const closed = once(child, 'close')
    let left = between(random, 1, 60)
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, name = ''] = line.split(' ')
      if (what === 'stored') stored.add(name)
      else done.add(name)
      if ((left -= 1) === 0) child.kill('SIGKILL')
    }
    await closed
    t.equal(child.signalCode, 'SIGKILL')
  }
  const store = open(file)
  t.teardown(() => store.close())
  const tasks = store.tasks({ limit: Number.MAX_SAFE_INTEGER })
  const keys = tasks.map((task) => task.spec.key!)
  t.equal(new Set(keys).size, keys.length, 'nothing twice')
  t.strictSame(
    [...stored].filter((key) => !keys.includes(key)),
    [],
    'nothing lost',
  )
  const completed = new Set(tasks.filter(({ state }) => state === 'completed').map(({ id }) => id))
  t.strictSame(
    [...done].filter((id) => !completed.has(id)),
    [],
    'no end lost',
  )
  t.ok(stored.size > 20 && done.size > 5, `${stored.size} stored, ${done.size} done`)
  t.ok(tasks.every((task) => task.prompt === task.spec.key!.repeat(100)))
  for (const [state, count] of Object.entries(store.taskCounts()))
    t.equal(count, tasks.filter((task) => task.state === state).length, state)
  t.equal(store.eventsSince(0, 100_000, ['TaskCompleted']).length, completed.size)
  const check = new DatabaseSync(file, { readOnly: true })
  t.match(check.prepare('pragma integrity_check').get(), { integrity_check: 'ok' })
  check.close()
})
