import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { formatDuration } from '../../src/supervisor/domain/time.ts'
import { jsonLine, line } from '../print.ts'
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
  const limit = timeoutMs === undefined ? {} : { timeoutMs }
  const tasks = await Promise.all(
    ids.map(async (id) => {
      const task = await client.call('tasks.wait', { id, ...limit })
      if (session.json) jsonLine(task)
      else line(ending(task))
      return task
    }),
  )
  const unsuccessful = tasks.filter((task) => task.state !== 'completed')
  if (unsuccessful.length > 0)
    throw new SquadError('SQUADD_TASK_UNSUCCESSFUL', unsuccessful.map(ending).join(', '), {
      tasks: unsuccessful.map(({ id }) => id),
    })
}

function ending({ id, state, reason, result, agent }: Task): string {
  const took = result ? ` in ${formatDuration(result.durationMs)}` : ''
  const why = reason ?? result?.error
  return `${id} ${state}${took}${agent ? ` by ${agent}` : ''}${why ? `: ${why}` : ''}`
}
