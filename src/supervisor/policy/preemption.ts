import type { Task } from '../domain/task.ts'
import { priorities } from '../domain/task.ts'
import { serves } from './scheduler.ts'

/** A running attempt and the agent that has it. */
export type Running = {
  task: Pick<Task, 'id' | 'priority' | 'startedAt' | 'spec'>
  agent: { id: string; labels: readonly string[] }
  /** It has been asked to stop already. */
  stopping: boolean
}

/**
 * The attempt that a critical task may interrupt: preemptible, of lower priority, on an agent that
 * serves the task; of these the lowest priority, then the one that has done least. Null when there
 * is none, or when enough are stopping for it already.
 */
export function chooseVictim(
  urgent: Pick<Task, 'priority' | 'lane'>,
  running: readonly Running[],
): Running | null {
  const order = (priority: Task['priority']) => priorities.indexOf(priority)
  if (urgent.priority !== 'critical') return null
  const fitting = running.filter(({ agent }) => serves(agent, urgent.lane))
  if (fitting.some(({ stopping }) => stopping)) return null
  const victims = fitting.filter(
    ({ task }) => task.spec.preemptible && order(task.priority) < order(urgent.priority),
  )
  const [first] = victims.sort(
    (a, b) =>
      order(a.task.priority) - order(b.task.priority) ||
      (b.task.startedAt ?? 0) - (a.task.startedAt ?? 0) ||
      (a.task.id < b.task.id ? -1 : 1),
  )
  return first ?? null
}
