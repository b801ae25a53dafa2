import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { viewStore } from '../../src/supervisor/operations/store-view.ts'
import { readStat } from '../../src/workers/processes.ts'
import { Field, gate } from '../support/field.ts'

t.setTimeout(600_000)

/**
 * What outlives a daemon: tmux servers, each leading a session of its own, launchers and programs. What
 * records a window's output is begun by tmux in its own time.
 */
function pidsOf(leftovers: string[]): string[] {
  return leftovers.flatMap((one) => {
    const [, pid = '', name = ''] =
      /^process (\d+) (tmux|sh|\/bin\/sh) (?!.*pipe\.sh )/.exec(one) ?? []
    const isClient = name === 'tmux' && readStat(Number(pid))?.session !== Number(pid)
    return pid === '' || isClient ? [] : [pid]
  })
}

t.test('a restart leaves agents and what they do as they are', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open(['ada', 'bob'])
  const door = gate(field, 'door')
  const task = await field.add({ prompt: `${door.prompt}; echo done`, affinity: ['ada'] })
  const pid = await field.pidOf('door')
  const before = pidsOf(field.squad.leftovers())
  const daemon = await field.squad.pid()
  await field.squad.json('restart')
  t.not(await field.squad.pid(), daemon, 'another daemon')
  t.same(pidsOf(field.squad.leftovers()), before, 'the same tmux servers and programs')
  t.ok(before.includes(String(pid)))
  door.open()
  t.match(await field.wait(task.id), {
    state: 'completed',
    attempt: 1,
    result: { output: 'done\n' },
  })
})

t.test('an older store is brought up to date under running agents, after a backup', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  const { squad } = field
  await field.open(['ada'])
  const door = gate(field, 'door')
  const task = await field.add({ prompt: `${door.prompt}; echo done` })
  await field.pidOf('door')
  const waits = await field.add({ prompt: 'echo waits' })
  const before = pidsOf(squad.leftovers())
  await squad.json('stop')
  const file = join(squad.home, 'squadd.db')
  const { schema } = viewStore(file)
  // As the first version made it.
  const old = new DatabaseSync(file)
  old.exec(`drop table notice;
    alter table agent drop column spent_usd;
    alter table agent drop column conversation;
    pragma user_version = 1`)
  old.close()

  t.match(await squad.json('doctor'), { ok: true })
  await squad.json('start')
  t.equal(viewStore(file).schema, schema)
  const [kept] = readdirSync(join(squad.home, 'backups'))
  t.match(kept, new RegExp(`^before-v${schema}-.*\\.db$`))
  t.match(viewStore(join(squad.home, 'backups', kept!)), { schema: 1, newestTask: 2 })
  t.same(pidsOf(squad.leftovers()), before, 'tmux and the program are the same')
  door.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 })
  t.match(await field.wait(waits.id), { state: 'completed' })

  await squad.json('stop')
  const newer = new DatabaseSync(file)
  newer.exec(`pragma user_version = ${schema + 1}`)
  newer.close()
  t.match(await squad.run('start'), { exitCode: 78, stderr: /start the newer squadd/ })
  const again = new DatabaseSync(file)
  again.exec(`pragma user_version = ${schema}`)
  again.close()
  await squad.json('start')
})
