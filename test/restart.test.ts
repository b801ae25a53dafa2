import { join } from 'node:path'
import t from 'tap'
import { defaults } from '../src/supervisor/domain/config.ts'
import { openSqliteStore } from '../src/supervisor/store/open.ts'
import { first, spec, succeed, t0, verdictOf } from './store/support.ts'
import { Squadd } from './support/squadd.ts'

t.setTimeout(600_000)

const tasks = 10_000

/** Stores tasks that have all completed, as a squad of the past has left them. */
async function fill(file: string): Promise<void> {
  const store = openSqliteStore({
    ...{ file, now: t0 },
    ...{ patience: () => defaults, taskQueueSize: () => 2 * tasks },
  })
  await store.enqueue(
    Array.from({ length: tasks }, () => spec()),
    t0,
  )
  const agents = Array.from({ length: tasks }, (_, i) => ({ id: `a${i}`, labels: [] }))
  const claimed = await store.claim(agents, first, tasks, t0)
  await Promise.all(claimed.map((task) => store.record(verdictOf(task), succeed, t0)))
  await store.close()
}

/** Kills the daemon and starts it again; the answer is how long that took until it was ready. */
async function restartMs(squad: Squadd): Promise<number> {
  process.kill(await squad.pid(), 'SIGKILL')
  const began = performance.now()
  await squad.json('start')
  return performance.now() - began
}

t.test(
  `a killed daemon with ${tasks} finished tasks is ready as soon as an empty one`,
  async (t) => {
    const [empty, full] = [new Squadd(), new Squadd()]
    t.teardown(() => Promise.all([empty.remove(), full.remove()]))
    for (const squad of [empty, full]) {
      await squad.json('start')
      await squad.json('agent', 'add', 'ada', '--repo', squad.repo)
    }
    await full.json('stop')
    await fill(join(full.home, 'squadd.db'))
    await full.json('start')
    t.match(await full.json('status'), { tasks: { completed: tasks } })
    const times = { empty: Infinity, full: Infinity }
    // The best of three of each, in turn: what else the machine does must not decide.
    for (let round = 0; round < 3; round++) {
      times.empty = Math.min(times.empty, await restartMs(empty))
      times.full = Math.min(times.full, await restartMs(full))
    }
    t.comment(`${times.full.toFixed(0)} ms, an empty one ${times.empty.toFixed(0)} ms`)
    t.ok(times.full < 2 * times.empty)
    const next = await full.json<{ id: string }>('task', 'add', 'echo on')
    t.match(await full.run('task', 'wait', next.id), { exitCode: 0 }, 'and it works')
  },
)
