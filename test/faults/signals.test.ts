import { once } from 'node:events'
import t from 'tap'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import { firstEvent } from '../support/events.ts'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'
import { logged } from '../support/log.ts'
import { ended, standingStill } from '../support/process.ts'

t.test('TERM waits for what runs, a second one does not, and no program ends for it', async (t) => {
  const squad = await guarded(t, ['ada'])
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  const program = await field.pidOf('busy')
  const waiting = await add({ prompt: 'true' })
  const pid = await field.squad.pid()
  process.kill(pid, 'SIGTERM')
  await logged(field.squad, 'stopping')
  await t.rejects(add({ prompt: 'true' }), { code: 'SQUADD_SHUTTING_DOWN' }, 'it takes nothing new')
  t.match(await field.client.call('tasks.show', { id: task.id }), { state: 'running' }, 'and waits')
  process.kill(pid, 'SIGTERM')
  await ended(pid)
  process.kill(program, 0)
  field.client.close()
  await field.start()
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 }, 'the same attempt')
  t.match(await field.wait(waiting.id), { state: 'completed' })
  await squad.isWhole()
})

t.test('a drain that is killed once it has begun loses nothing', async (t) => {
  const squad = await guarded(t, ['ada'])
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  await field.pidOf('busy')
  const waiting = await add({ prompt: 'true' })
  const pid = await field.squad.pid()
  process.kill(pid, 'SIGTERM')
  await logged(field.squad, 'stopping')
  process.kill(pid, 'SIGKILL')
  await ended(pid)
  field.client.close()
  await field.start()
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 }, 'the same attempt')
  t.match(await field.wait(waiting.id), { state: 'completed' })
  await squad.isWhole()
})

t.test('a third TERM ends it at once, though a host does not let it go', async (t) => {
  const squad = await guarded(t, ['ada'])
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  await field.pidOf('busy')
  await field.squad.json('stop')
  field.client.close()
  // A child of ours says how it ended.
  const daemon = field.squad.begin('start', '--foreground')
  t.teardown(() => daemon.kill('SIGKILL'))
  await logged(field.squad, 'DaemonStarted', 2)
  field.connect()
  const isOurs = ({ data }: SquadEvent) => data['pid'] === daemon.pid
  const { seq: since } = await firstEvent(field.client, 'DaemonStarted', { is: isOurs })
  const isAdopted = ({ data }: SquadEvent) => data['to'] === 'running'
  await firstEvent(field.client, 'AgentStateChanged', { since, is: isAdopted })
  const { hostPid } = await field.client.call('agents.show', { id: 'ada' })
  await standingStill(hostPid!, async () => {
    const over = once(daemon, 'exit')
    daemon.kill('SIGTERM')
    await logged(field.squad, 'stopping', 2)
    daemon.kill('SIGTERM')
    await logged(field.squad, 'stopping without waiting')
    daemon.kill('SIGTERM')
    t.same(await over, [143, null], 'by its signal, not by its own end')
  })
  field.client.close()
  await field.start()
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 }, 'the same attempt')
  await squad.isWhole()
})
