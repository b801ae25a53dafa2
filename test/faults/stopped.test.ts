import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { firstEvent } from '../support/events.ts'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'
import { ended, standingStill } from '../support/process.ts'
import { seed } from '../support/seed.ts'
import { seeded } from '../simulation/seeded.ts'

t.test('a host that stands still is replaced, its program is adopted', async (t) => {
  const squad = await guarded(t, ['ada'], { settings: { healthCheckIntervalMs: 500 } })
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  const program = await field.pidOf('busy')
  const { hostPid } = await field.client.call('agents.show', { id: 'ada' })
  await standingStill(hostPid!, async () => {
    await firstEvent(field.client, 'AgentRestarted')
    t.throws(() => process.kill(hostPid!, 0), { code: 'ESRCH' }, 'the old one is gone')
  })
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 })
  t.same(field.lines('busy').get('busy.0')?.began, [String(program)], 'the same program')
  await squad.isWhole()
})

t.test('an agent whose host stands still while it is paused and resumed goes on', async (t) => {
  const squad = await guarded(t, ['ada'], { settings: { stopGraceMs: 100 } })
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  await field.pidOf('busy')
  const { hostPid } = await field.client.call('agents.show', { id: 'ada' })
  await standingStill(hostPid!, async () => {
    const paused = await field.client.call('agents.pause', { id: 'ada', now: true })
    t.match(paused, { state: 'running' }, 'it is not paused before its task ends')
    t.match(await field.client.call('agents.resume', { id: 'ada' }), { state: 'running' })
  })
  await firstEvent(field.client, 'TaskRetried')
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed' })
  await squad.isWhole()
})

t.test(
  'a supervisor that stands still while a program ends records it when it goes on',
  async (t) => {
    const squad = await guarded(t, ['ada'])
    const { field, add } = squad
    const busy = gate(field, 'busy')
    const task = await add({ prompt: busy.prompt })
    const program = await field.pidOf('busy')
    const pid = await field.squad.pid()
    await standingStill(pid, async () => {
      busy.open()
      await ended(program)
      const { exitCode, stderr } = await field.squad.run('start')
      t.not(exitCode, 0, 'nobody takes its place')
      t.match(stderr, /runs in|did not answer|under way|not ready/)
    })
    t.match(await field.wait(task.id), { state: 'completed', attempt: 1 })
    await squad.isWhole()
  },
)

t.test(
  `a client that goes away in the middle of a request leaves one task or none (seed ${seed})`,
  async (t) => {
    const squad = await guarded(t, ['ada'])
    const { field, invariants } = squad
    // What counts are the requests: nothing has to run.
    await field.client.call('agents.pause', { id: 'ada' })
    const socketPath = join(field.squad.home, 'run', 'squadd.sock')
    const cut = (key: string, at: number) =>
      new Promise<void>((resolve) => {
        const body = JSON.stringify({ key, prompt: `true ${'x'.repeat(2000)}` })
        const headers = { 'content-type': 'application/json', 'content-length': body.length }
        const sent = request({
          socketPath,
          method: 'POST',
          path: '/v1/tasks',
          headers,
          agent: false,
        })
        sent.on('error', () => {}).on('close', resolve)
        sent.on('response', (reply) => reply.resume())
        sent.write(body.slice(0, at * body.length), () => setImmediate(() => sent.destroy()))
        if (at >= 1) sent.end()
      })
    const keys = Array.from({ length: 200 }, (_, n) => `cut${n}`)
    const random = seeded(seed)
    for (const key of keys) await cut(key, random() < 0.3 ? 1 : random())
    // Whoever does not know asks again with the same key.
    for (const key of keys) {
      const [task] = (await field.client.call('tasks.add', {
        tasks: [{ key, prompt: 'true' }],
      })) as Task[]
      invariants.acknowledge([task!])
    }
    const stored = invariants.ledger.tasks.map(({ key }) => key)
    t.strictSame([new Set(stored), stored.length], [new Set(keys), keys.length], 'each key once')
    for (const { id } of invariants.ledger.tasks) await field.client.call('tasks.cancel', { id })
    await squad.isWhole()
  },
)
