import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/supervisor/api/client.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import { formatDuration } from '../../src/supervisor/domain/time.ts'
import { paced } from '../paced.ts'
import { note } from '../print.ts'
import { clock, ProgressLine } from '../progress.ts'
import type { Session } from '../session.ts'

export type StopOptions = { drain?: number | true; stopAgents?: boolean }

// Agents may take their grace to stop; after this the daemon is stuck.
const patienceMs = 120_000
// Between two looks at how far a drain is.
const lookPauseMs = 500

/**
 * Stops the daemon and waits until its process is gone. Throws SQUADD_NOT_RUNNING, and SQUADD_TIMEOUT
 * when it, or an agent that was to end, does not stop.
 */
export async function stopDaemon(
  session: Session,
  { drain = 0, stopAgents = false }: StopOptions,
): Promise<{ pid: number }> {
  const client = await session.client()
  const { pid } = await client.call('status', {})
  const life = startOf(pid)
  const progress = drain === 0 ? undefined : drainProgress(client, session.json)
  const left = await ask(client, { drain, stopAgents }).finally(() => progress?.end())
  await gone(pid, life, drain === true ? Number.POSITIVE_INFINITY : drain + patienceMs)
  for (const { name, error } of left) note(`${name} did not stop: ${error}`)
  if (left.length > 0)
    throw new SquadError(
      'SQUADD_TIMEOUT',
      `the daemon stopped, ${left.length} of its parts did not`,
    )
  return { pid }
}

/** How many tasks a drain still waits for. */
function drainProgress(client: Client, quiet: boolean): { end(): void } {
  let running: number | undefined
  const ended = new AbortController()
  const { signal } = ended
  const text = (ms: number) =>
    running === undefined ? '' : `draining · ${running} running · ${clock(ms)}`
  const progress = new ProgressLine(text, { quiet })
  const read = async () => {
    running = (await client.call('status', {}, { signal })).tasks.running
    progress.update()
  }
  // A squad that is busy has hundreds of events a second.
  const look = paced(read, lookPauseMs, signal)
  const follow = async () => {
    look()
    for await (const { taskId } of client.events({ signal })) if (taskId !== undefined) look()
  }
  // The stop itself finds out what is wrong: this is only shown.
  if (progress.isShown) follow().catch(() => {})
  return {
    end() {
      ended.abort()
      progress.end()
    },
  }
}

async function ask(client: Client, how: { drain: number | true; stopAgents: boolean }) {
  try {
    return (await client.call('stop', how)).unstopped
  } catch (error) {
    // It may go before it has answered.
    if (error instanceof SquadError && error.code === 'SQUADD_NOT_RUNNING') return []
    throw error
  }
}

/** The same, but content when there is nothing to stop. */
export async function stopIfRunning(session: Session): Promise<void> {
  try {
    await stopDaemon(session, {})
  } catch (error) {
    if (!(error instanceof SquadError) || error.code !== 'SQUADD_NOT_RUNNING') throw error
  }
}

/** Resolves when the process is gone; the kernel tells nobody but its parent, so this looks. */
async function gone(pid: number, life: string | undefined, limitMs: number): Promise<void> {
  for (const from = Date.now(); life !== undefined && startOf(pid) === life; await pause(25))
    if (Date.now() - from > limitMs)
      throw new SquadError(
        'SQUADD_TIMEOUT',
        `the daemon (pid ${pid}) has not stopped after ${formatDuration(limitMs)}`,
        { pid, hint: 'see its log' },
      )
}

/** When a process was started, which tells it from a later one; undefined when it has ended. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : rest[18]
  } catch {
    if (process.platform === 'linux') return undefined
    return isThere(pid) ? 'there' : undefined
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
