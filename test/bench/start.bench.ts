import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Row } from './row.ts'
import { row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'
import { inParallel, PlainWorktrees, timed } from './start/plain.ts'
import { makeRepository } from './start/repository.ts'

export const about = `20 agents are asked for at once on a repository of 200 files and on one of 50,000; it takes
until the last is idle: worktree, branch, host and tmux server. Then all are removed at once, each checked
before for work that would be lost. Beside them stands plain git alone, 20 \`git worktree add\` and
\`git worktree remove\` (with \`git branch -D\`), in the faster of two orders: one after the other, or as many at
a time as there are cores, with a second try where git loses a race. Plain git starts no agent and
checks no commits.

An agent is started once and keeps its worktree, host and tmux server over all its tasks: what a start costs
is in the way of no task. That is why squadd keeps no worktrees or hosts in reserve, each of which would be a
copy of the repository or a process that waits.`

const { agents, small, big, rounds } = sizes(
  { agents: 20, small: 200, big: 50_000, rounds: 3 },
  { agents: 4, small: 50, big: 500, rounds: 1 },
)

export async function bench(): Promise<Row[]> {
  await using squad = await BenchSquad.start()
  return [
    ...(await onRepository(squad, small, rounds)),
    // Once: it makes two million files.
    ...(await onRepository(squad, big, 1)),
  ]
}

type Times = { add: number; remove: number }

async function onRepository(squad: BenchSquad, files: number, rounds: number): Promise<Row[]> {
  const repo = await makeRepository(join(squad.dir, `repo${files}`), files)
  const dir = join(squad.dir, `plain${files}`)
  mkdirSync(dir)
  const orders = [
    new PlainWorktrees(repo, dir, 1),
    new PlainWorktrees(repo, dir, availableParallelism()),
  ]
  const found: { ours: Times; theirs: Times }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const ours = await ourTimes(squad, repo)
    const plain: Times[] = []
    for (const order of orders)
      plain.push({ add: await order.add(agents), remove: await order.remove(agents) })
    const best = (what: keyof Times) => Math.min(...plain.map((times) => times[what]))
    found.push({ ours, theirs: { add: best('add'), remove: best('remove') } })
  }
  const pairs = (what: keyof Times) =>
    found.map(({ ours, theirs }) => ({ ours: ours[what], theirs: theirs[what] }))
  const where = `${agents} agents, ${files} files`
  return [
    row(`start of ${where} : git worktree add`, 's', pairs('add'), {}),
    row(`removal of ${where} : git worktree remove`, 's', pairs('remove'), {}),
  ]
}

async function ourTimes(squad: BenchSquad, repo: string): Promise<Times> {
  const { client } = squad
  const id = (n: number) => `agent${n}`
  const add = (n: number) => client.call('agents.add', { repo, id: id(n) })
  const remove = (n: number) => client.call('agents.remove', { id: id(n) })
  return {
    add: await timed(() => inParallel(agents, agents, add)),
    remove: await timed(() => inParallel(agents, agents, remove)),
  }
}
