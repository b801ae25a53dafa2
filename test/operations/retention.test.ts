import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import t from 'tap'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { Field, gate } from '../support/field.ts'

t.setTimeout(600_000)

/** The first event of a type after number `since`. */
async function event(field: Field, type: string, since: number): Promise<SquadEvent> {
  for await (const one of field.client.events({ since })) if (one.type === type) return one
  throw new Error(`no ${type}`)
}

t.test('output beyond the budget goes, but never that of a task that has not ended', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  const { squad } = field
  await field.open(['ada', 'bob'])
  const print = (text: string) => `head -c 100000 /dev/zero | tr '\\0' ${text}`
  const open = gate(field, 'open')
  const running = await field.add({ prompt: `${print('r')}; ${open.prompt}`, affinity: ['bob'] })
  await field.pidOf('open')
  const capped = { retries: 3, maxAttempts: 1, verify: ['false'] }
  const held = await field.add({ prompt: print('h'), ...capped })
  t.match(await field.wait(held.id), { state: 'held' })
  const ended: string[] = []
  for (const text of ['a', 'b', 'c']) {
    const { id } = await field.add({ prompt: print(text) })
    t.match(await field.wait(id), { state: 'completed' })
    ended.push(id)
  }
  const kept = () => new Set(readdirSync(join(squad.home, 'logs')).map((one) => one.split('-')[0]!))
  t.ok(kept().has(running.id))
  squad.configure({ outputBudgetBytes: 350_000 })
  await field.client.call('reload', {})
  const { data } = await event(field, 'OutputsRemoved', 0)
  t.match(data, { attempts: Number, bytes: Number })
  t.ok(kept().has(running.id), 'the oldest is of a task that runs')
  t.ok(kept().has(held.id), 'so is one that a person has to look at')
  t.notOk(kept().has(ended[0]!))
  t.ok(kept().has(ended[2]!), 'the newest stays')
  t.match(await field.client.call('tasks.show', { id: ended[0]! }), {
    result: { output: /a{1000}/ },
  })
  open.open()
  await field.wait(running.id)
  await field.client.call('tasks.cancel', { id: held.id })

  squad.configure({ taskRetentionMs: 1, outputRetentionMs: 1 })
  await field.client.call('reload', {})
  t.match((await event(field, 'TasksForgotten', 0)).data, { tasks: Number })
  t.match(await squad.run('task', 'show', ended[0]!), { exitCode: 5 })
  let { seq } = await event(field, 'TasksForgotten', 0)
  // What ended this very moment is not yet old: it goes with the next look.
  while (kept().size > 0) {
    ;({ seq } = await event(field, 'OutputsRemoved', seq))
    await field.client.call('reload', {})
  }
  t.equal(kept().size, 0)
})

const canMount = process.getuid?.() === 0

t.test(
  'a full disk pauses the dispatch with a reason, and space resumes it',
  { skip: canMount ? false : 'needs root, for a small filesystem of its own' },
  async (t) => {
    const field = new Field()
    const { squad } = field
    mkdirSync(squad.home, { recursive: true, mode: 0o700 })
    execaSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=700', 'squadd-test', squad.home])
    t.teardown(async () => {
      field.client.close()
      await squad.run('stop', '--stop-agents')
      // Whoever still stands in it must not keep it.
      execaSync('umount', ['--lazy', squad.home])
      rmSync(squad.dir, { recursive: true, force: true })
    })
    squad.configure({ minFreeDiskBytes: 33_554_432 })
    await field.open(['ada'])
    const first = await field.add({ prompt: 'echo first' })
    t.match(await field.wait(first.id), { state: 'completed' })
    const ballast = join(squad.home, 'ballast')
    writeFileSync(ballast, Buffer.alloc(80_000_000))
    const second = await field.add({ prompt: 'echo second' })
    const paused = await event(field, 'AdmissionPaused', 0)
    t.match(paused.data, { reason: /MiB of disk are free, 32 MiB are wanted/ })
    t.match(await field.client.call('tasks.show', { id: second.id }), { state: 'ready' })
    const why = await squad.run('explain', second.id)
    t.match(why.stdout, /MiB of disk are free/)
    t.match(await squad.run('doctor', '--json'), {
      exitCode: 1,
      stdout: /"name":"disk","status":"fail"/,
    })
    rmSync(ballast)
    t.match(await field.wait(second.id), { state: 'completed' })
    await event(field, 'AdmissionResumed', paused.seq)
  },
)
