import { readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { damageOf, viewStore } from '../../src/supervisor/operations/store-view.ts'
import { firstEvent } from '../support/events.ts'
import { Field } from '../support/field.ts'
import { readLedger } from '../support/invariants/ledger.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(600_000)

type Made = { file: string; at: number; bytes: number }

t.test('a backup is made while the daemon writes, and when none runs', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  const { squad } = field
  t.match(await squad.run('backup'), { exitCode: 5, stderr: /there is no store/ })
  await field.open(['ada'])
  let isOver = false
  let stored = 0
  const flood = (async () => {
    while (!isOver) {
      const prompts = Array.from({ length: 200 }, () => ({ prompt: 'true' }))
      await field.client.call('tasks.add', { tasks: prompts })
      stored += prompts.length
    }
  })()
  const made: (Made & { before: number; after: number })[] = []
  for (let i = 0; i < 3; i++) {
    const before = stored
    made.push({ before, ...(await squad.json<Made>('backup')), after: stored })
  }
  isOver = true
  await flood
  t.ok(made[2]!.after > made[0]!.before, 'it was written to meanwhile')
  for (const { file, bytes, before, after } of made) {
    t.equal(damageOf(file, 'whole'), null)
    t.match(statSync(file), { size: bytes, mode: 0o100600 })
    const { newestTask } = viewStore(file)
    t.ok(newestTask >= before, `${newestTask}: all of the ${before} that were stored before it`)
    t.ok(newestTask <= after + 200, `and no more than were given in by its end (${after} and 200)`)
    t.equal(newestTask % 200, 0, 'each batch whole')
  }
  t.same(
    readdirSync(join(squad.home, 'backups')).filter((name) => !name.endsWith('Z.db')),
    [],
    'one file each',
  )
  const own = join(squad.dir, 'own.db')
  t.match(await squad.run('backup', own), { exitCode: 0, stdout: own })
  t.match(await squad.run('backup', own), { exitCode: 6, stderr: /is there already/ })
  const nowhere = join(squad.dir, 'not', 'there.db')
  t.match(await squad.run('backup', nowhere), { exitCode: 2, stderr: /make the folder first/ })
  await squad.json('stop')
  const last = await squad.json<Made>('backup')
  t.equal(damageOf(last.file, 'whole'), null)
  t.equal(viewStore(last.file).newestTask, stored, 'with the daemon stopped it has everything')
})

t.test('backups are made by themselves, and the oldest go', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  const { squad } = field
  squad.configure({ backupIntervalMs: 1, backupKeep: 2 })
  await field.start()
  writeFileSync(join(squad.home, 'backups', 'mine.db'), 'left alone')
  let seen = 0
  for await (const { type, data } of field.client.events({ since: 0 })) {
    if (type !== 'BackupMade') continue
    t.match(data, { file: /backups\/squadd-.*Z\.db$/, bytes: Number })
    if ((seen += 1) === 5) break
  }
  squad.configure({ backupIntervalMs: 0, backupKeep: 2 })
  await field.client.call('reload', {})
  await squad.json('stop')
  const { events } = readLedger(join(squad.home, 'squadd.db'))
  const files = events
    .filter(({ type }) => type === 'BackupMade')
    .map(({ data }) => basename((JSON.parse(data) as { file: string }).file))
  t.ok(files.length >= 5)
  const names = readdirSync(join(squad.home, 'backups')).sort()
  t.same(names, ['mine.db', ...files.slice(-2)], 'the newest two, and what is not ours')
  t.match(await squad.json('doctor'), { ok: true })
})

t.test('a backup that cannot be made is told', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  await squad.json('start')
  await squad.json('stop')
  squad.configure({ backupIntervalMs: 1 })
  const backups = join(squad.home, 'backups')
  rmSync(backups, { recursive: true })
  await squad.json('start')
  rmSync(backups, { recursive: true })
  symlinkSync('/proc/nowhere', backups)
  const client = connect({ socket: join(squad.home, 'run', 'squadd.sock') })
  t.teardown(() => client.close())
  const { data } = await firstEvent(client, 'BackupFailed')
  t.match(data, { reason: /is not there; make the folder first/ })
  t.match(await client.call('readyz', {}), { ok: true }, 'and harms nothing else')
  rmSync(backups)
})
