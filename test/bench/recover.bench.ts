import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { firstAnswer } from './recover/answer.ts'
import type { Row } from './row.ts'
import { row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'

export const about = `Half of 50 agents run a task, 10,000 tasks wait. The daemon is killed with \`kill -9\` and
started again at once; nothing but its limit of concurrent tasks is raised, so that there is something to give
out. Times are from the start of the process: until \`/v1/status\` answers, until a subscriber has the first
\`TaskStarted\`, until every agent is idle or runs its task under its new host. Beside them stands a bare Node
process, from its start to its first answer on a socket.

What limits it: the modules that the daemon loads before it can answer, and then fifty hosts, each a Node of its
own, that start on as many cores as there are.`

const { agents, tasks, rounds } = sizes(
  { agents: 50, tasks: 10_000, rounds: 5 },
  { agents: 6, tasks: 200, rounds: 2 },
)

const bareServer = join(import.meta.dirname, 'recover/bare-server.mjs')
const batch = 1000

export async function bench(): Promise<Row[]> {
  const busy = agents / 2
  await using squad = await BenchSquad.start({ maxConcurrentTasks: busy })
  await squad.addAgents(agents)
  const endless = { prompt: 'exec sleep 1000000', timeoutMs: 0 }
  for (let left = tasks; left > 0; left -= batch)
    await squad.addAll(Array.from({ length: Math.min(left, batch) }, () => endless))
  await squad.untilAgents(busy, 'running')

  const answered: number[] = []
  const dispatched: number[] = []
  const ready: number[] = []
  const bare: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    bare.push(await startBare(join(squad.dir, `bare${round}`)))
    squad.configure({ maxConcurrentTasks: busy + round })
    const times = await restart(squad)
    answered.push(times.answered)
    dispatched.push(times.dispatched)
    ready.push(times.ready)
  }
  const pairs = (ours: number[]) => ours.map((one, nth) => ({ ours: one, theirs: bare[nth]! }))
  const name = (what: string) => `restart, ${agents} agents, ${tasks} tasks: ${what} : bare Node`
  return [
    row(name('API answers'), 's', pairs(answered), { limit: 0.3 }),
    row(name('first dispatch'), 's', pairs(dispatched), { limit: 1 }),
    row(name('all agents ready'), 's', pairs(ready), { limit: 5 }),
  ]
}

/** Kills the daemon and starts it; seconds until each. */
async function restart(squad: BenchSquad) {
  let seq = 0
  for await (const event of squad.client.events({ since: 0, follow: false })) seq = event.seq
  process.kill(squad.daemonPid, 'SIGKILL')
  while (existsSync(`/proc/${squad.daemonPid}`)) await pause(1)
  const start = performance.now()
  const passed = () => (performance.now() - start) / 1000
  const daemon = spawn(process.execPath, [squad.bin, 'start', '--foreground'], {
    env: { ...process.env, SQUADD_HOME: squad.home },
    stdio: 'ignore',
    detached: true,
  })
  daemon.unref()
  await firstAnswer(squad.socket, '/v1/status')
  const answered = passed()
  const [dispatched, ready] = await Promise.all([
    firstStarted(squad, seq).then(passed),
    allReady(squad).then(passed),
  ])
  squad.daemonPid = daemon.pid!
  return { answered, dispatched, ready }
}

async function firstStarted(squad: BenchSquad, since: number): Promise<void> {
  for await (const { type } of squad.client.events({ since })) if (type === 'TaskStarted') return
}

async function allReady(squad: BenchSquad): Promise<void> {
  for (;;) {
    const { agents: states } = await squad.client.call('status', {})
    if ((states.idle ?? 0) + (states.running ?? 0) === agents) return
    await pause(10)
  }
}

async function startBare(socket: string): Promise<number> {
  const start = performance.now()
  const child: ChildProcess = spawn(process.execPath, [bareServer, socket], { stdio: 'ignore' })
  await firstAnswer(socket, '/')
  const passed = (performance.now() - start) / 1000
  child.kill()
  await once(child, 'exit')
  return passed
}
