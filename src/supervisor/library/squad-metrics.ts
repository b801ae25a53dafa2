import type { TotalName } from '../domain/totals.ts'
import type { Workplace } from './workplace.ts'

/** How an orchestrator is doing. Totals count since its store was made: with a `home` over restarts. */
export type SquadMetrics = {
  totalAgents: number
  /** Have a task, or their program asks a person. */
  activeAgents: number
  idleAgents: number
  failedAgents: number
  activeTasks: number
  /** Stored and not yet given out: ready, delayed or waiting for other tasks. */
  queuedTasks: number
  /** Accepted by `distributeTask`. */
  totalTasksDistributed: number
  totalTasksCompleted: number
  /** Failed for good; an attempt that is tried again does not count. */
  totalTasksFailed: number
  uptimeMs: number
  maxConcurrentTasks: number
}

export function metricsOf({ squad, store, config }: Workplace): SquadMetrics {
  const { agents, tasks, uptimeMs } = squad.status()
  const counters = store.counters()
  const total = (counter: TotalName, only?: string) =>
    counters
      .filter(({ name, label }) => name === counter && (only === undefined || label === only))
      .reduce((sum, { value }) => sum + value, 0)
  return {
    totalAgents: agents.total,
    activeAgents: (agents.running ?? 0) + (agents.waiting ?? 0),
    idleAgents: agents.idle ?? 0,
    failedAgents: agents.failed ?? 0,
    activeTasks: tasks.running,
    queuedTasks: tasks.ready + tasks.delayed + tasks.blocked,
    totalTasksDistributed: total('submitted'),
    totalTasksCompleted: total('finished', 'completed'),
    totalTasksFailed: total('finished', 'failed'),
    uptimeMs,
    maxConcurrentTasks: config.maxConcurrentTasks,
  }
}
