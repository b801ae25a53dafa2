import { execFileSync } from 'node:child_process'
import type { Row } from './row.ts'
import { row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'

export const about = `\`squadd status\` as a person runs it, process and all, beside \`tmux ls\` on a server with one
session and beside a Node that does nothing.

What limits it: Node itself, half of it; the rest is the parser of the command line, the request and the
daemon's answer. The limit was set where a bare Node starts in 40 ms.`

const { times } = sizes({ times: 40 }, { times: 5 })

export async function bench(): Promise<Row[]> {
  await using squad = await BenchSquad.start()
  await squad.addAgents(1)
  const [agent] = await squad.agents()
  const env = { ...process.env, SQUADD_HOME: squad.home }
  const timed = (program: string, argv: string[]) => {
    const start = performance.now()
    execFileSync(program, argv, { env, stdio: 'ignore' })
    return performance.now() - start
  }
  const status = () => timed(process.execPath, [squad.bin, 'status'])
  const node = () => timed(process.execPath, ['-e', '0'])
  const tmux = () => timed('tmux', ['-S', agent!.tmuxSocket, 'ls'])
  // The first one compiles what the others load.
  status()
  const rounds = Array.from({ length: times }, () => ({
    ours: status(),
    node: node(),
    tmux: tmux(),
  }))
  const against = (what: 'node' | 'tmux') =>
    rounds.map((round) => ({ ours: round.ours, theirs: round[what] }))
  return [
    row('squadd status : node -e 0', 'ms', against('node'), { limit: 150 }),
    row('squadd status : tmux ls', 'ms', against('tmux'), {}),
  ]
}
