import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { withMounts } from '../support/disk.ts'
import { firstEvent } from '../support/events.ts'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'
import type { Guarded } from '../support/guarded.ts'
import { ended } from '../support/process.ts'
import { whenIn } from '../support/watching.ts'

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

/** What a program needs files for on its way: any of them may be the first without room. */
const files = ['.exit', '.prompt', '.memo', '.sh', '.started']

t.test('a disk full of files loses no task, whichever is the first', withMounts(), async (t) => {
  const squad = await guarded(t, ['ada'], { diskBytes: 48 * megabyte })
  const { field, disk, add } = squad
  const log = join(field.squad.home, 'daemon.log')
  const reasons: string[] = []
  for (const room of files.keys()) {
    await squad.isWhole()
    disk!.fillWithFiles(room)
    const late = gate(field, `late${room}`)
    late.open()
    const end = `echo "ended late${room}.0 $$" >> '${field.journal}'`
    const task = await add({ prompt: `${late.prompt}; ${end}` })
    const isOfTask = ({ taskId }: SquadEvent) => taskId === task.id
    const enough = new AbortController()
    const { signal } = enough
    const waiting = `${task.id}-1: its latch cannot be taken yet`
    await Promise.race([
      ...(['TaskRetried', 'TaskCompleted'] as const).map(async (type) => {
        const { data } = await firstEvent(field.client, type, { is: isOfTask, signal })
        reasons.push([data['outcome'], data['reason']].join(' '))
      }),
      whenIn(log, () => readFileSync(log, 'utf8').includes(waiting), signal),
    ])
    enough.abort()
    t.same(field.lines(`late${room}`).size, 0, `with room for ${room} its program does not run`)
    disk!.free()
    const settled = await field.wait(task.id)
    t.match(settled, { state: 'completed', attempt: 1 }, 'with room it goes on by itself')
    const { began, ended: over } = field.lines(`late${room}`).get(`late${room}.0`)!
    t.same([began.length, over.length], [1, 1], 'and ran once')
  }
  t.equal(reasons.length, 4, 'where nothing of it is there yet, the attempt is over')
  for (const [room, reason] of reasons.entries())
    t.match(reason, new RegExp(`^not_started ENOSPC.*-1\\${files[room]}'$`))
  await squad.isWhole()
  t.match(await field.agentViews(), [{ state: 'idle' }], 'its agent is well')
})

t.test('on a disk full of files an attempt ends when its time is over', withMounts(), async (t) => {
  const squad = await guarded(t, ['ada'], { diskBytes: 48 * megabyte })
  const { field, disk, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt, timeoutMs: 3000, maxAttempts: 1 })
  await field.pidOf('busy')
  disk!.fillWithFiles(0)
  t.match(await field.wait(task.id), { state: 'failed', outcome: 'timed_out' })
  disk!.free()
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
