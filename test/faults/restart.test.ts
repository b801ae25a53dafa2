import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { gate } from '../support/field.ts'
import { fieldFor } from '../support/guarded.ts'
import { ownPrograms, SlowTmux } from '../support/slow-tmux.ts'

/** More than a start takes up at once. */
const crowd = 2 * availableParallelism() + 2

t.test(
  'what was overdue or cancelled before its agent was taken up again is stopped all the same',
  { skip: crowd > 12 && 'it needs two agents for each core' },
  async (t) => {
    const env: Record<string, string> = {}
    const { field, invariants } = fieldFor(t, env)
    const tmux = new SlowTmux(field.squad.dir)
    t.teardown(() => tmux.release())
    env['PATH'] = ownPrograms(field.squad.dir, { tmux: tmux.script })
    await field.open(Array.from({ length: crowd }, (_, n) => `agent${n}`))
    const gates = Array.from({ length: crowd }, (_, n) => gate(field, `g${n}`))
    // Their time is up as soon as all run.
    const inputs = gates.map(({ prompt }, n) => ({ prompt, timeoutMs: n % 2 ? 3000 : 0 }))
    const tasks = (await field.client.call('tasks.add', { tasks: inputs })) as Task[]
    invariants.acknowledge(tasks)
    await Promise.all(gates.map((_, n) => field.pidOf(`g${n}`)))
    process.kill(await field.squad.pid(), 'SIGKILL')
    field.client.close()
    const latest = Math.max(...invariants.ledger.tasks.map(({ startedAt }) => startedAt))
    await pause(latest + 3000 - Date.now())
    tmux.hold()
    await field.start()
    const untimed = tasks.filter((_, n) => n % 2 === 0)
    for (const { id } of untimed) await field.client.call('tasks.cancel', { id })
    const states = (await field.agentViews()).map(({ state }) => state)
    t.same(new Set(states), new Set(['starting', 'stopped']), 'some wait, none has been taken up')
    tmux.release()
    for (const task of await field.settled(tasks)) {
      const expected = task.spec.timeoutMs > 0 ? 'failed' : 'cancelled'
      t.equal(task.state, expected, `${task.id} is ${expected}`)
    }
    t.same(await invariants.quiet(field.client), [])
  },
)
