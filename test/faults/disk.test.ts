import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { withMounts } from '../support/disk.ts'
import { firstEvent } from '../support/events.ts'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'
import type { Guarded } from '../support/guarded.ts'
import { ended } from '../support/process.ts'

const canTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
const withTrace = { skip: canTrace ? false : 'it needs strace and the right to trace' }
const megabyte = 2 ** 20
const refusal = { code: 'SQUADD_STORE_FAILED' }

/** Submits until the store has no room left; answers how many it still took. */
async function fillUp({ add }: Guarded): Promise<number> {
  for (let taken = 0; ; taken++)
    try {
      await add({ prompt: `true ${'x'.repeat(3000)}`, notBeforeAt: Date.now() + 86_400_000 })
    } catch (error) {
      if ((error as { code: string }).code !== refusal.code) throw error
      return taken
    }
}

t.test(
  'a full disk loses nothing: reads go on, and an end is recorded when there is room',
  withMounts(),
  async (t) => {
    const squad = await guarded(t, ['ada'], { diskBytes: 24 * megabyte })
    const { field, invariants, disk, add } = squad
    const busy = gate(field, 'busy')
    const task = await add({ prompt: `${busy.prompt}; exit 3` })
    const pid = await field.pidOf('busy')
    disk!.fill()
    const taken = await fillUp(squad)
    await t.rejects(field.add({ prompt: 'x'.repeat(5000) }), refusal, `after ${taken} more`)
    t.match(await field.client.call('status', {}), { agents: { total: 1 } }, 'status answers')
    t.match(await field.client.call('tasks.show', { id: task.id }), { state: 'running' })
    busy.open()
    await ended(pid)
    disk!.free()
    const settled = await field.wait(task.id)
    t.match(settled, { state: 'failed', cause: 'agent_error', attempt: 1 }, 'its end is kept')
    t.match(settled.result?.evidence, [{ source: 'exit', detail: 'exit status 3' }])
    const next = await add({ prompt: 'true' })
    t.match(await field.wait(next.id), { state: 'completed' }, 'it goes on by itself')
    t.equal(invariants.ledger.tasks.length, taken + 2, 'what was refused is not there')
    await squad.isWhole()
  },
)

t.test('a disk full of files starts no task that it could lose', withMounts(), async (t) => {
  const squad = await guarded(t, ['ada'], { diskBytes: 48 * megabyte })
  const { field, add } = squad
  await field.wait((await add({ prompt: 'true' })).id)
  const litter = join(field.squad.home, 'litter')
  const remount = spawnSync('mount', ['-o', 'remount,nr_inodes=400', field.squad.home])
  t.equal(remount.status, 0)
  mkdirSync(litter)
  for (let n = 0; ; n++)
    try {
      writeFileSync(join(litter, String(n)), '')
    } catch (error) {
      t.match(error, { code: 'ENOSPC' })
      break
    }
  const open = gate(field, 'late')
  open.open()
  const task = await add({ prompt: `${open.prompt}; echo "ended late.0 $$" >> '${field.journal}'` })
  const isOfTask = ({ taskId }: SquadEvent) => taskId === task.id
  const back = await firstEvent(field.client, 'TaskRetried', { is: isOfTask })
  t.match(back.data, { outcome: 'not_started' }, 'an attempt without room for its end does not run')
  t.same(field.lines('late').size, 0, 'its program least of all')
  rmSync(litter, { recursive: true })
  t.match(await field.wait(task.id), { state: 'completed' }, 'with room it goes on by itself')
  const { began, ended: over } = field.lines('late').get('late.0')!
  t.same([began.length, over.length], [1, 1], 'and ran once')
  await squad.isWhole()
})

t.test(
  'a disk that cannot sync acknowledges nothing, and what it had is there',
  withTrace,
  async (t) => {
    const squad = await guarded(t, ['ada'])
    const { field, add } = squad
    for (let n = 0; n < 20; n++) await add({ prompt: 'true' })
    const pid = await field.squad.pid()
    const inject = 'inject=fsync,fdatasync:error=EIO'
    const trace = spawn('strace', [
      '-f',
      '-p',
      String(pid),
      '-e',
      'trace=fsync,fdatasync',
      '-e',
      inject,
    ])
    t.teardown(() => trace.kill('SIGINT'))
    // Its first words are that it is attached; what it says later is read by nobody, but taken.
    await once(trace.stderr, 'data')
    trace.stderr.resume()
    for (let n = 0; n < 5; n++) await t.rejects(field.add({ prompt: `lost ${n}` }), refusal)
    t.match(await field.client.call('status', {}), { pid }, 'it lives on')
    trace.kill('SIGINT')
    await once(trace, 'exit')
    await add({ prompt: 'true' })
    process.kill(pid, 'SIGKILL')
    field.client.close()
    await field.start()
    const last = await add({ prompt: 'true' })
    t.match(await field.wait(last.id), { state: 'completed' })
    const prompts = (await field.client.call('tasks.list', { limit: 100 })).map(
      ({ prompt }) => prompt,
    )
    t.notOk(
      prompts.some((prompt) => prompt.startsWith('lost')),
      'what was refused is not there',
    )
    t.equal(prompts.length, 22, 'all else is')
    await squad.isWhole()
  },
)
