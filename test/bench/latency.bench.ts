import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import { Arrivals } from './latency/arrivals.ts'
import { attachCommand, firstScreen, tmuxCommand } from './latency/attach.ts'
import { setClock, stampScript, Stamps, wallMs } from './latency/stamps.ts'
import type { Row } from './row.ts'
import { percentile, row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'

export const about = `A program (a bash script) says when its first and its last instruction run. \`acknowledged to
started\` is from the answer to \`POST /v1/tasks\`, which means that the task is on the disk, to the first;
\`ended to told\` from the last to the event \`TaskCompleted\` at a subscriber, which is sent after the result
is on the disk. Beside them stands the least that could be done: the same program as a bare child process of
the bench, from \`spawn\` to its first instruction, and from its last to the end of one \`git status\` that
follows on its event \`exit\`: a result says what git says. One task and one
bare process by turns, while other agents do nothing, print a line a second each, or one floods its terminal.
\`attach\` is from the command to the first screen; beside it \`tmux attach\` alone.

What limits it: a task is started by tmux, which forks a shell, which forks the program, and its end is known when
git has been asked: three to four starts of a process in all. The limits in milliseconds were set where a bare one
takes 2 to 3; where it takes 10, only the ratios can hold.`

const { samples, attaches, some, many } = sizes(
  { samples: 150, attaches: 15, some: 20, many: 100 },
  { samples: 15, attaches: 3, some: 3, many: 6 },
)

export async function bench(): Promise<Row[]> {
  await using squad = await BenchSquad.start()
  const stamps = new Stamps(squad.dir)
  const arrivals = new Arrivals(squad)
  const quiet = join(squad.dir, 'quiet')
  execFileSync('mkfifo', [quiet])
  const argv = ['bash', stampScript, stamps.pipe, '{prompt}']
  await squad.addAgents(1, { program: 'command', argv }, 'probe')
  const busy = `exec bash '${join(import.meta.dirname, 'latency/busy.sh')}' '${quiet}'`
  const measure = () => measureTasks(squad, stamps, arrivals)

  const rows = [...rowsOf('nobody busy', await measure())]
  await squad.addAgents(many)
  const working = await occupy(squad, arrivals, busy, { from: 0, to: some })
  rows.push(...rowsOf(`${some} agents busy`, await measure()))
  const attaching = await measureAttach(squad)
  rows.push(percentileRow('attach to first screen, p50 : tmux', 'ms', attaching, 0.5, {}))
  rows.push(percentileRow('attach to first screen, p99 : tmux', 'ms', attaching, 0.99, {}))
  working.push(...(await occupy(squad, arrivals, busy, { from: some, to: many })))
  rows.push(...rowsOf(`${many} agents busy`, await measure()))
  await release(squad, working)
  const yes = 'exec yes "a line of a program that talks a lot"'
  const flood = await occupy(squad, arrivals, yes, { from: 0, to: 1 })
  rows.push(...rowsOf('one agent floods', await measure()))
  await release(squad, flood)
  await arrivals.close()
  stamps.close()
  return rows
}

type Range = { from: number; to: number }
type Pairs = { ours: number[]; theirs: number[] }

/** Gives the agents of these numbers a program that does not end. */
async function occupy(squad: BenchSquad, arrivals: Arrivals, prompt: string, range: Range) {
  const ids: string[] = []
  for (let n = range.from; n < range.to; n += 1) {
    const { id } = await squad.add({ prompt, timeoutMs: 0, ...only(`agent${n}`) })
    await arrivals.at('TaskStarted', id)
    ids.push(id)
  }
  return ids
}

const only = (agent: string) => ({ affinity: [agent], affinityMode: 'required' as const })

async function release(squad: BenchSquad, ids: readonly string[]): Promise<void> {
  for (const id of ids) await squad.client.call('tasks.cancel', { id })
  for (const id of ids) await squad.client.call('tasks.wait', { id })
}

/** A task and a bare process, by turns. */
async function measureTasks(squad: BenchSquad, stamps: Stamps, arrivals: Arrivals) {
  const started: Pairs = { ours: [], theirs: [] }
  const told: Pairs = { ours: [], theirs: [] }
  const { worktree } = await squad.client.call('agents.show', { id: 'probe0' })
  const round = Math.random().toString(36).slice(2)
  for (let n = -3; n < samples; n += 1) {
    setClock()
    const name = `${round}-${n}`
    const { id } = await squad.add({ prompt: name, ...only('probe0') })
    const acknowledged = wallMs()
    const heard = await arrivals.at('TaskCompleted', id)
    const ours = {
      started: (await stamps.at(`start ${name}`)) - acknowledged,
      told: heard - (await stamps.at(`end ${name}`)),
    }
    const theirs = await bareProcess(stamps, `bare-${name}`, worktree)
    await untilIdle(squad)
    // The first ones warm both up.
    if (n < 0) continue
    started.ours.push(ours.started)
    told.ours.push(ours.told)
    started.theirs.push(theirs.started)
    told.theirs.push(theirs.told)
  }
  return { started, told }
}

/** The same program, and then what a verdict asks of git at the least. */
async function bareProcess(stamps: Stamps, name: string, worktree: string) {
  const begin = wallMs()
  const child = spawn('bash', [stampScript, stamps.pipe, name], { stdio: 'ignore' })
  await once(child, 'exit')
  await execa('git', ['-C', worktree, 'status', '--porcelain=v2', '--branch'])
  const known = wallMs()
  return {
    started: (await stamps.at(`start ${name}`)) - begin,
    told: known - (await stamps.at(`end ${name}`)),
  }
}

/** It is tidied up after: the next task does not wait for that. */
async function untilIdle(squad: BenchSquad): Promise<void> {
  while ((await squad.client.call('agents.show', { id: 'probe0' })).state !== 'idle') await pause(2)
}

async function measureAttach(squad: BenchSquad): Promise<Pairs> {
  const pairs: Pairs = { ours: [], theirs: [] }
  const [busy] = (await squad.agents()).filter(({ state }) => state === 'running')
  const env = { SQUADD_HOME: squad.home }
  const plain = await tmuxCommand(squad, busy!.id)
  for (let n = 0; n < attaches; n += 1) {
    pairs.ours.push(await firstScreen(attachCommand(squad, busy!.id), env))
    pairs.theirs.push(await firstScreen(plain, env))
  }
  return pairs
}

function rowsOf(when: string, { started, told }: Record<'started' | 'told', Pairs>): Row[] {
  const start = (share: string) => `acknowledged to started, ${share}, ${when} : spawn`
  const end = (share: string) => `ended to told, ${share}, ${when} : exit and git status`
  return [
    percentileRow(start('p50'), 'ms', started, 0.5, { atMost: 5, limit: 15 }),
    percentileRow(start('p99'), 'ms', started, 0.99, { limit: 60 }),
    percentileRow(end('p50'), 'ms', told, 0.5, { atMost: 2, limit: 10 }),
    percentileRow(end('p99'), 'ms', told, 0.99, { limit: 50 }),
  ]
}

const percentileRow = (
  name: string,
  unit: string,
  { ours, theirs }: Pairs,
  share: number,
  budget: Parameters<typeof row>[3],
): Row =>
  row(name, unit, [{ ours: percentile(ours, share), theirs: percentile(theirs, share) }], budget)
