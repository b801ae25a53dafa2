import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Client } from '../../src/supervisor/api/client.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'

/**
 * Shows the agent's tmux session in this terminal until the person leaves it; without `write` their
 * keys do not reach it. Throws SQUADD_INVALID without a terminal, SQUADD_TMUX when tmux refuses.
 */
export async function attach(client: Client, id: string, write: boolean): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new SquadError('SQUADD_INVALID', 'attach needs a terminal', {
      hint: `squadd agent screen ${id} prints what is there`,
    })
  const { tmuxSocket, state } = await client.call('agents.show', { id })
  const { TMUX: _outer, ...env } = process.env
  const readOnly = write ? [] : ['-r']
  const tmux = spawn('tmux', ['-S', tmuxSocket, 'attach-session', '-t', '=sq', ...readOnly], {
    stdio: 'inherit',
    env,
  })
  // Keys that the terminal turns into signals are for tmux.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  try {
    const [code] = (await once(tmux, 'exit')) as [number | null]
    if (code !== 0) throw new SquadError('SQUADD_TMUX', `tmux did not attach; ${id} is ${state}`)
  } catch (error) {
    if (error instanceof SquadError) throw error
    throw new SquadError('SQUADD_TMUX', 'tmux cannot be started', { hint: 'install it' }, error)
  } finally {
    process.off('SIGINT', ignore)
  }
}
