import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/supervisor/api/client.ts'
import { isAway } from '../../src/supervisor/api/client.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Task, TaskState } from '../../src/supervisor/domain/task.ts'
import { formatDuration } from '../../src/supervisor/domain/time.ts'
import { jsonLine, line } from '../print.ts'
import { TaskProgress } from '../progress.ts'
import type { Session } from '../session.ts'

/**
 * Waits until each task has ended or is held, and prints it then. Throws SQUADD_TIMEOUT after
 * `timeoutMs`, SQUADD_TASK_UNSUCCESSFUL when one did not complete.
 */
export async function waitForTasks(
  session: Session,
  ids: readonly string[],
  timeoutMs?: number,
): Promise<void> {
  const client = await session.client()
  const until = timeoutMs === undefined ? undefined : Date.now() + timeoutMs
  const progress = new TaskProgress(client, ids, { quiet: session.json })
  await progress.begun
  const tasks = await Promise.all(
    ids.map(async (id) => {
      const task = await settled(client, id, until, (state) => progress.saw(id, state))
      progress.settled(id, task.state, () => (session.json ? jsonLine(task) : line(ending(task))))
      return task
    }),
  ).finally(() => progress.end())
  const unsuccessful = tasks.filter((task) => task.state !== 'completed')
  if (unsuccessful.length > 0)
    throw new SquadError('SQUADD_TASK_UNSUCCESSFUL', unsuccessful.map(ending).join(', '), {
      tasks: unsuccessful.map(({ id }) => id),
    })
}

// A restart of the daemon ends no task: this is how long it may take.
const patienceMs = 30_000

/** The task when it has ended or is held, over restarts of the daemon. */
async function settled(
  client: Client,
  id: string,
  until: number | undefined,
  saw: (state: TaskState) => void,
): Promise<Task> {
  let heard = false
  for (let lostAt: number | undefined; ; await pause(100)) {
    try {
      saw((await client.call('tasks.show', { id })).state)
      heard = true
      lostAt = undefined
      const left = until === undefined ? {} : { timeoutMs: Math.max(0, until - Date.now()) }
      return await client.call('tasks.wait', { id, ...left })
    } catch (error) {
      lostAt ??= Date.now()
      if (!heard || !isAway(error) || Date.now() - lostAt > patienceMs) throw error
    }
  }
}

function ending({ id, state, reason, result, agent }: Task): string {
  const took = result ? ` in ${formatDuration(result.durationMs)}` : ''
  const why = reason ?? result?.error
  return `${id} ${state}${took}${agent ? ` by ${agent}` : ''}${why ? `: ${why}` : ''}`
}
