import type { Row } from './row.ts'
import { agentRows } from './scale/agents.ts'
import { taskRows } from './scale/tasks.ts'
import { scratch } from './scratch.ts'
import { sizes } from './sizes.ts'

export const about = `The same squad, ever larger, beside one that stays small; both are measured by turns. For
tasks that is the store with up to a million finished ones (every one went through its whole life in it), for
agents a daemon with up to 200. A task of these is \`:\`, so that what is counted is ours: the API, the claim, the
events, the host and tmux. A cost that is flat has the ratio 1.`

const chosen = sizes(
  { finished: 1_000_000, most: 200, rounds: 5, tasks: 40 },
  { finished: 4000, most: 6, rounds: 2, tasks: 5 },
)
const few = Math.min(10, chosen.most)

const upTo = (most: number, steps: number[]) => [...steps.filter((step) => step < most), most]

export async function bench(): Promise<Row[]> {
  using place = scratch()
  const finished = upTo(chosen.finished, [1000, 10_000, 100_000])
  const agents = upTo(chosen.most, [1, 10, 50, 100])
  return [
    ...(await taskRows(place.dir, finished, chosen.rounds)),
    ...(await agentRows(agents, few, chosen.rounds, chosen.tasks)),
  ]
}
