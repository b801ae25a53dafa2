import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withMounts } from '../support/disk.ts'
import { firstEvent } from '../support/events.ts'
import { Field, gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'

t.setTimeout(600_000)

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
  const { data } = await firstEvent(field.client, 'OutputsRemoved')
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
  const forgotten = await firstEvent(field.client, 'TasksForgotten')
  t.match(forgotten.data, { tasks: Number })
  t.match(await squad.run('task', 'show', ended[0]!), { exitCode: 5 })
  let since = forgotten.seq
  // What ended this very moment is not yet old: it goes with the next look.
  while (kept().size > 0) {
    since = (await firstEvent(field.client, 'OutputsRemoved', { since })).seq
    await field.client.call('reload', {})
  }
  t.equal(kept().size, 0)
})

t.test(
  'a full disk pauses the dispatch with a reason, and space resumes it',
  withMounts(),
  async (t) => {
    const { field } = await guarded(t, ['ada'], {
      diskBytes: 96 * 2 ** 20,
      settings: { minFreeDiskBytes: 32 * 2 ** 20 },
    })
    const { squad } = field
    const first = await field.add({ prompt: 'echo first' })
    t.match(await field.wait(first.id), { state: 'completed' })
    const ballast = join(squad.home, 'ballast')
    writeFileSync(ballast, Buffer.alloc(80_000_000))
    const second = await field.add({ prompt: 'echo second' })
    const paused = await firstEvent(field.client, 'AdmissionPaused')
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
    await firstEvent(field.client, 'AdmissionResumed', { since: paused.seq })
  },
)

t.test(
  'a disk that takes hardly a file more pauses the dispatch as well',
  withMounts(),
  async (t) => {
    const { field, disk } = await guarded(t, ['ada'], {
      diskBytes: 96 * 2 ** 20,
      settings: { minFreeFiles: 60 },
    })
    const { client, squad } = field
    disk!.fillWithFiles(30)
    const task = await field.add({ prompt: 'echo enough' })
    const { data, seq } = await firstEvent(client, 'AdmissionPaused')
    t.match(data, { reason: /\d+ files more can be made on the disk, 60 are wanted/ })
    t.match(await client.call('tasks.show', { id: task.id }), { state: 'ready' })
    t.match(await squad.run('doctor', '--json'), {
      exitCode: 1,
      stdout: /"name":"inodes","status":"fail"/,
    })
    disk!.free()
    t.match(await field.wait(task.id), { state: 'completed' })
    await firstEvent(client, 'AdmissionResumed', { since: seq })
  },
)
