import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { Squadd } from './squadd.ts'

/** What one process has used so far: CPU in ticks of 10 ms, and page faults of its dead children. */
function used(pid: number) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return { ticks: Number(fields[11]) + Number(fields[12]), childFaults: Number(fields[8]) }
}

/** Measures a squad that has nothing to do: `node test/support/idle.ts AGENTS SECONDS`. */
const [agents = 10, seconds = 60] = process.argv.slice(2).map(Number)
const squad = new Squadd()
try {
  await squad.json('start')
  for (let i = 0; i < agents; i++)
    await squad.json('agent', 'add', `idle${i}`, '--repo', squad.repo)
  const supervisor = await squad.pid()
  const views = await squad.json<AgentView[]>('agent', 'list')
  const hosts = views.map(({ hostPid }) => hostPid!)
  const tmux = views.map(({ evidence }) => Number(/\d+/.exec(evidence[0]?.detail ?? '')?.[0]))
  await pause(3000)
  const groups = { supervisor: [supervisor], hosts, tmux }
  const before = Object.values(groups).map((pids) => pids.map(used))
  await pause(seconds * 1000)
  const after = Object.values(groups).map((pids) => pids.map(used))
  for (const [i, name] of Object.keys(groups).entries()) {
    const sum = (all: ReturnType<typeof used>[], what: 'ticks' | 'childFaults') =>
      all.reduce((total, one) => total + one[what], 0)
    const ticks = sum(after[i]!, 'ticks') - sum(before[i]!, 'ticks')
    const faults = sum(after[i]!, 'childFaults') - sum(before[i]!, 'childFaults')
    const percent = ((ticks / seconds) * 1).toFixed(3)
    console.log(
      `${name}: ${before[i]!.length} processes, CPU ${sum(before[i]!, 'ticks')} -> ${sum(after[i]!, 'ticks')} ticks ` +
        `= ${percent} % of a core; page faults of children ${sum(before[i]!, 'childFaults')} -> ` +
        `${sum(after[i]!, 'childFaults')} (${faults === 0 ? 'no child ended' : 'children ended'})`,
    )
  }
} finally {
  await squad.remove()
}
