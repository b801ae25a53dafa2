import { setTimeout as pause } from 'node:timers/promises'
import { startPeers } from './idle/peers.ts'
import type { Use } from './processes.ts'
import { naming, pssMb, since, treeOf, useOf } from './processes.ts'
import type { Row } from './row.ts'
import { row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'

export const about = `100 agents with nothing to do, watched for a minute: the daemon, every agent host, every tmux
server and what hangs on them. Beside it what comparable tools do: one tmux server with 100 sessions, and one
process that runs \`tmux capture-pane\` for each of them every half second. CPU is what the scheduler counted;
that of the short-lived \`capture-pane\` processes is in it, their wake-ups are not. A process that forked is
found by the page faults of its children that ended. Memory is PSS, so that shared pages are counted once: for
squadd the host, the tmux server, its client and what keeps the session alive; for the others a session's
share of server, process and shell (an agent has no process of its own there).

What limits it: an idle host does nothing but answer now and then whether it and its tmux server live
(\`strace\` shows nothing else). V8 woke each of them every 8 s to ask whether memory could be given back, 1.1 % of a
core and 12 of 13 wake-ups a second in all, and no longer does. Every 30 s a tenth of those who rest are asked, so
that 100 agents answer 20 times a minute: asked every second that costs 1.5 ms of CPU each time, after a rest it cost
9.6 ms on a machine that takes memory away from those who rest. A minute later the hundred hosts need 0.5 %, the daemon
and all of tmux 0.2 %.`

const { agents, seconds } = sizes({ agents: 100, seconds: 60 }, { agents: 5, seconds: 4 })
// Until what the start has left to do is done: git is read for the first task, memory given back.
const settleMs = 20_000

type Found = Use & { forks: number }

export async function bench(): Promise<Row[]> {
  await using squad = await BenchSquad.start()
  await squad.addAgents(agents)
  await pause(settleMs)
  const hosts = (await squad.agents()).map(({ hostPid }) => hostPid!)
  const servers = naming(`${squad.home}/run/`)
  const all = treeOf([squad.daemonPid, ...hosts, ...servers])
  const ours = await watch(all, async (use) => (use.childFaults > 0 ? 1 : 0))
  const mb = pssMb(all.filter((pid) => pid !== squad.daemonPid)) / agents

  await using peers = await startPeers(squad.dir, agents)
  await pause(settleMs)
  const looksBefore = await peers.looks()
  const theirs = await watch(peers.pids, async () => (await peers.looks()) - looksBefore)
  const theirMb = pssMb(treeOf(peers.pids)) / agents

  const name = (what: string) => `${what} of ${agents} idle agents : capture-pane each 500 ms`
  const minutes = seconds / 60
  const percent = ({ cpuMs, childCpuMs }: Use) => (cpuMs + childCpuMs) / (seconds * 10)
  const pair = (of: (found: Found) => number) => [{ ours: of(ours), theirs: of(theirs) }]
  return [
    row(name('CPU'), '% of a core', pair(percent), { limit: 0.5 }),
    row(
      name('processes that forked, or forks'),
      'a minute',
      pair((one) => one.forks / minutes),
      {
        limit: 0,
      },
    ),
    row(
      name('wake-ups'),
      'a second',
      pair((one) => one.wakeUps / seconds),
      { atMost: 0.5 },
    ),
    row(`memory of an idle agent : a session of theirs`, 'MB', [{ ours: mb, theirs: theirMb }], {
      limit: 20,
    }),
  ]
}

async function watch(
  pids: readonly number[],
  forksOf: (use: Use) => Promise<number>,
): Promise<Found> {
  const before = useOf(pids)
  await pause(seconds * 1000)
  const use = since(before, useOf(pids))
  return { ...use, forks: await forksOf(use) }
}
