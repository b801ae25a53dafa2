import { setTimeout as pause } from 'node:timers/promises'
import { naming, pssMb, treeOf, useOf } from '../processes.ts'
import type { Row } from '../row.ts'
import { row } from '../row.ts'
import { BenchSquad } from '../squad.ts'

// What a start has left to do: each host reads git for its first task.
const settleMs = 4000

type Cost = { daemon: number; rest: number }

/** A squad that grows to `sizes` agents, and beside it one that stays at `few`. */
export async function agentRows(
  sizes: number[],
  few: number,
  rounds: number,
  tasks: number,
): Promise<Row[]> {
  await using grown = await BenchSquad.start()
  await using small = await BenchSquad.start()
  await small.addAgents(few)
  const rows: Row[] = []
  let agents = 0
  for (const size of sizes) {
    await grown.addAgents(size - agents, {}, `with${size}x`)
    agents = size
    await pause(settleMs)
    const pairs: { ours: Cost; theirs: Cost }[] = []
    for (let round = -1; round < rounds; round += 1) {
      const pair = { ours: await costOf(grown, tasks), theirs: await costOf(small, tasks) }
      // The first one warms both up.
      if (round >= 0) pairs.push(pair)
    }
    const of = (part: keyof Cost) =>
      pairs.map(({ ours, theirs }) => ({ ours: ours[part], theirs: theirs[part] }))
    const against = `${size} agents : ${few}`
    const budget = size > few ? { atMost: 1.5 } : {}
    rows.push(
      {
        ...row(`CPU of the daemon for a task, ${against}`, 'ms', of('daemon'), budget),
        point: { series: 'CPU of the daemon for a task', x: size },
      },
      {
        ...row(`CPU of hosts and tmux for a task, ${against}`, 'ms', of('rest'), budget),
        point: { series: 'CPU of hosts and tmux for a task', x: size },
      },
      {
        ...row(`memory of an agent, ${against}`, 'MB', [memory(grown, size, small, few)], budget),
        point: { series: 'memory of an agent', x: size },
      },
    )
  }
  return rows
}

/** CPU of one task of many, ms: its events, its claim, its host, but not its program. */
async function costOf(squad: BenchSquad, tasks: number): Promise<Cost> {
  const rest = othersOf(squad)
  const before = { daemon: useOf([squad.daemonPid]), rest: useOf(rest) }
  for (let n = 0; n < tasks; n += 1) {
    const { id } = await squad.add({ prompt: ':' })
    await squad.client.call('tasks.wait', { id })
  }
  const after = { daemon: useOf([squad.daemonPid]), rest: useOf(rest) }
  const spent = (part: keyof Cost) => (after[part].cpuMs - before[part].cpuMs) / tasks
  return { daemon: spent('daemon'), rest: spent('rest') }
}

/** Hosts, tmux servers and what hangs on them. */
function othersOf(squad: BenchSquad): number[] {
  const all = treeOf([squad.daemonPid, ...naming(`${squad.home}/run/`)])
  return all.filter((pid) => pid !== squad.daemonPid)
}

const memory = (grown: BenchSquad, size: number, small: BenchSquad, few: number) => ({
  ours: pssMb(othersOf(grown)) / size,
  theirs: pssMb(othersOf(small)) / few,
})
