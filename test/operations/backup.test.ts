import { readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { damageOf, viewStore } from '../../src/supervisor/operations/store-view.ts'
import { Field } from '../support/field.ts'
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
  const flood = (async () => {
    let stored = 0
    while (!isOver) {
      const prompts = Array.from({ length: 200 }, () => ({ prompt: 'true' }))
      await field.client.call('tasks.add', { tasks: prompts })
      stored += prompts.length
    }
    return stored
  })()
  const made: Made[] = []
  for (let i = 0; i < 3; i++) made.push(await squad.json<Made>('backup'))
  isOver = true
  t.ok((await flood) > 0)
  for (const { file, bytes } of made) {
    t.equal(damageOf(file, 'whole'), null)
    t.match(statSync(file), { size: bytes, mode: 0o100600 })
  }
  const counts = made.map(({ file }) => viewStore(file).newestTask)
  t.same(
    counts,
    counts.toSorted((a, b) => a - b),
    'each as of its own moment',
  )
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
  t.equal(damageOf((await squad.json<Made>('backup')).file, 'whole'), null)
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
  squad.configure({ backupIntervalMs: 0 })
  await field.client.call('reload', {})
  await squad.json('stop')
  const names = readdirSync(join(squad.home, 'backups'))
  t.ok(names.includes('mine.db'))
  t.ok(names.filter((name) => name.startsWith('squadd-')).length <= 3)
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
  for await (const { type, data } of client.events({ since: 0 }))
    if (type === 'BackupFailed') {
      t.match(data, { reason: String })
      break
    }
  rmSync(backups)
})
