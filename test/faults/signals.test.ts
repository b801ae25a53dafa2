import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import t from 'tap'
import { gate } from '../support/field.ts'
import { guarded } from '../support/guarded.ts'

const gone = (pid: number) => execa('tail', [`--pid=${pid}`, '-f', '/dev/null'])

t.test('TERM waits for what runs, a second one does not, and no program ends for it', async (t) => {
  const squad = await guarded(t, ['ada'])
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  const program = await field.pidOf('busy')
  const waiting = await add({ prompt: 'true' })
  const pid = await field.squad.pid()
  process.kill(pid, 'SIGTERM')
  const refused = async (): Promise<unknown> => {
    for (;;)
      try {
        await add({ prompt: 'true' })
      } catch (error) {
        return error
      }
  }
  const error = await refused()
  t.match(error, { code: 'SQUADD_SHUTTING_DOWN' }, 'it takes nothing new')
  t.match(await field.client.call('tasks.show', { id: task.id }), { state: 'running' }, 'and waits')
  process.kill(pid, 'SIGTERM')
  await gone(pid)
  process.kill(program, 0)
  field.client.close()
  await field.start()
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 }, 'the same attempt')
  t.match(await field.wait(waiting.id), { state: 'completed' })
  await squad.isWhole()
})

t.test('a drain that is killed loses nothing, and three TERM end it at once', async (t) => {
  const squad = await guarded(t, ['ada'])
  const { field, add } = squad
  const busy = gate(field, 'busy')
  const task = await add({ prompt: busy.prompt })
  await field.pidOf('busy')
  const first = await field.squad.pid()
  process.kill(first, 'SIGTERM')
  process.kill(first, 'SIGKILL')
  field.client.close()
  await field.start()
  const second = await field.squad.pid()
  for (let n = 0; n < 3; n++) {
    if (!existsSync(`/proc/${second}`)) break
    process.kill(second, 'SIGTERM')
    // One that is pending takes the next with it.
    await pause(20)
  }
  await gone(second)
  field.client.close()
  await field.start()
  busy.open()
  t.match(await field.wait(task.id), { state: 'completed', attempt: 1 })
  await squad.isWhole()
})
