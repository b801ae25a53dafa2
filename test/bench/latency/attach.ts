import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BenchSquad } from '../squad.ts'

/** From the command to what its terminal shows first of the program, ms. */
export async function firstScreen(command: string, env: Record<string, string>): Promise<number> {
  const start = performance.now()
  // script(1) is the terminal.
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TERM: 'xterm', ...env },
  })
  const ended = once(terminal, 'exit')
  let shown = ''
  for await (const bytes of terminal.stdout) {
    shown += String(bytes)
    if (shown.includes('working')) break
  }
  const ms = performance.now() - start
  terminal.kill()
  await ended
  if (!shown.includes('working')) throw new Error(`${command} showed: ${shown}`)
  return ms
}

export const attachCommand = ({ bin }: BenchSquad, agent: string): string =>
  `exec '${process.execPath}' '${bin}' agent attach ${agent}`

export async function tmuxCommand(squad: BenchSquad, agent: string): Promise<string> {
  const { tmuxSocket } = await squad.client.call('agents.show', { id: agent })
  return `exec tmux -S '${tmuxSocket}' attach-session -r`
}
