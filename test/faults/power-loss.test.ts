import { EventEmitter, once } from 'node:events'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { LoopDisk, withMounts } from '../support/disk.ts'
import { Field } from '../support/field.ts'
import { readLedger } from '../support/invariants/ledger.ts'
import { processesOf } from '../support/invariants/processes.ts'
import { standingStill } from '../support/process.ts'

const imageBytes = 96 * 2 ** 20
const enough = 250

t.test('a power cut and a new boot lose no task that was acknowledged', withMounts(), async (t) => {
  const field = new Field()
  const { squad } = field
  mkdirSync(squad.home, { recursive: true, mode: 0o700 })
  const disk = new LoopDisk(squad.home, join(squad.dir, 'disk.img'), imageBytes)
  t.teardown(async () => {
    field.client.close()
    await squad.remove(() => disk.close())
  })
  field.configure({ minFreeDiskBytes: 0, minFreeFiles: 0 })
  await field.open(['ada', 'bob'])

  // Proof that the picture of the cut is honest: what is not synced is not in it.
  const careless = new DatabaseSync(join(squad.home, 'careless.db'))
  careless.exec('pragma journal_mode = wal; pragma synchronous = off; create table x(n integer)')

  const acknowledged = new Map<string, Task>()
  const news = new EventEmitter()
  const isEnough = once(news, 'enough')
  let isCut = false
  const submit = async (from: number) => {
    for (let n = from; !isCut; n += 8) {
      const name = `p${n}.0`
      const prompt = `echo "began ${name} $$" >> '${field.journal}'; sleep 0.2; echo "ended ${name} $$" >> '${field.journal}'`
      const task = await field.add({ prompt, key: name }).catch(() => null)
      if (!task || isCut) continue
      acknowledged.set(task.id, task)
      careless.exec('insert into x values (1)')
      if (acknowledged.size === enough) news.emit('enough')
    }
  }
  const submitting = Promise.all(Array.from({ length: 8 }, (_, n) => submit(n)))
  await isEnough

  // The cut: everything stands still, the disk has what was synced, then all processes are gone.
  const { instance } = readLedger(join(squad.home, 'squadd.db'))
  const daemon = await squad.pid()
  const promised = await standingStill(daemon, async () => {
    isCut = true
    disk.snapshot(join(squad.dir, 'cut.img'))
    for (const pid of [daemon, ...processesOf(instance).map(({ pid }) => pid)]) kill(pid)
    return [...acknowledged.values()]
  })
  field.client.close()
  await submitting
  careless.close()
  disk.replace(join(squad.dir, 'cut.img'))

  const cut = new DatabaseSync(join(squad.home, 'careless.db'))
  const kept = () => cut.prepare('select count(*) from x').get()
  t.throws(kept, /no such table/, 'what was not synced is gone')
  cut.close()
  // What was started before the cut belongs to another boot of the machine.
  for (const boot of globSync(join(squad.home, 'agents/*/boot'))) writeFileSync(boot, 'before\n')
  const found = readLedger(join(squad.home, 'squadd.db'))
  const ids = new Map(found.tasks.map(({ id, key }) => [id, key]))
  const lost = promised.filter(({ id, spec }) => ids.get(id) !== spec.key)
  t.ok(promised.length >= enough, `${promised.length} were acknowledged`)
  t.same(lost, [], 'and none is lost')

  // A file of the user, written as users write.
  field.configure({ minFreeDiskBytes: 0, minFreeFiles: 0 })
  await squad.json('start')
  field.client = connect({ socket: join(squad.home, 'run', 'squadd.sock') })
  const running = found.tasks.filter(({ state }) => state === 'running')
  const waiting = found.tasks.filter(({ state }) => state === 'ready').slice(20)
  for (const { id } of waiting) await field.client.call('tasks.cancel', { id })
  const rest = promised.filter(({ id }) => !waiting.some((task) => task.id === id))
  const settled = await field.settled(rest)
  const held = settled.filter(({ state }) => state === 'held')
  t.ok(held.length <= running.length, `${held.length} of ${running.length} that ran are held`)
  for (const task of held)
    t.match(task, { outcome: 'unknown', reason: /machine was started anew/ }, 'with the reason')
  const others = settled.filter(({ state }) => state !== 'held' && state !== 'completed')
  t.same(others, [], 'the rest has been done')
  for (const { spec } of promised) {
    const lines = field.lines(spec.key!.split('.')[0]!).get(spec.key!)
    t.ok((lines?.ended.length ?? 0) <= 1, `${spec.key} did not run twice`)
  }
})

/** Some end by themselves once others are gone. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
