import { rm } from 'node:fs/promises'
import { SquadError } from '../supervisor/domain/error.ts'
import type { HostSetup } from '../supervisor/domain/message.ts'
import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import { endProcesses } from './stop-ladder.ts'
import { agentProcesses } from './tmux-processes.ts'

/** A program without a host gets this long between TERM and KILL. */
const graceMs = 2000

/**
 * Removes what is left of an agent that has no host: processes, tmux server, socket, folder. Throws
 * SQUADD_CONFLICT when a process will not go; then the folder stays, it says what ran.
 */
export async function clearAgent({
  dir,
  socket,
  runPrefix,
}: Pick<HostSetup, 'dir' | 'socket' | 'runPrefix'>): Promise<void> {
  const left = await failingAsync('host.clear', () =>
    endProcesses({ find: () => agentProcesses(runPrefix), graceMs }),
  )
  if (left.length > 0)
    throw new SquadError(
      'SQUADD_CONFLICT',
      `processes of the agent would not end: ${left.map(({ pid }) => pid).join(' ')}`,
      { hint: 'end them by hand and try again' },
    )
  await rm(socket, { force: true })
  await rm(dir, { recursive: true, force: true, maxRetries: 5 })
}
