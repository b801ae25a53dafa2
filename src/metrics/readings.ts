import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AgentState } from '../supervisor/domain/agent.ts'
import type { PoolFacts } from '../supervisor/domain/ports.ts'
import type { TaskState } from '../supervisor/domain/task.ts'
import type { TotalName } from '../supervisor/domain/totals.ts'
import type { MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'

/** What the metrics are read from, at each scrape. `now` and instants are ms since 1970. */
export type MetricSources = {
  version: string
  /** The kind of store, such as `sqlite`. */
  store: string
  startedAt: number
  now(): number
  taskCounts(): Record<TaskState, number>
  agentStates(): readonly AgentState[]
  /** When the oldest ready task was submitted; null when none is ready. */
  oldestReadyAt(): number | null
  /** Totals since the store was made; the label is the priority, state or outcome. */
  counters(): readonly { name: TotalName; label: string; value: number }[]
  pool(): PoolFacts
}

type Sample = { labels: Record<string, string>; value: number }
type Reading = () => Sample[] | Promise<Sample[]>

/** How each metric is read. The one that is missing is fed by events. */
export function readings(sources: MetricSources): Partial<Record<MetricName, Reading>> {
  const { version, store } = sources
  const one = (value: number): Sample[] => [{ labels: {}, value }]
  /** A total of the store, for each value that the label of the metric may have. */
  const total = (name: TotalName, label: string, values: readonly string[]) => () => {
    const found = sources.counters().filter((counter) => counter.name === name)
    return values.map((value) => ({
      labels: { [label]: value },
      value: found.find((counter) => counter.label === value)?.value ?? 0,
    }))
  }
  const totalOf = (name: TotalName) => () =>
    one(
      sources
        .counters()
        .filter((counter) => counter.name === name)
        .reduce((sum, { value }) => sum + value, 0),
    )
  return {
    squadd_build_info: () => [{ labels: { version, node: process.version, store }, value: 1 }],
    squadd_uptime_seconds: () => one((sources.now() - sources.startedAt) / 1000),
    squadd_tasks() {
      const counts = sources.taskCounts()
      return definitions.squadd_tasks.labels.state.map((state) => ({
        labels: { state },
        value: counts[state],
      }))
    },
    squadd_agents() {
      const states = sources.agentStates()
      return definitions.squadd_agents.labels.state.map((state) => ({
        labels: { state },
        value: states.filter((one) => one === state).length,
      }))
    },
    squadd_queue_oldest_task_age_seconds() {
      const at = sources.oldestReadyAt()
      return one(at === null ? 0 : Math.max(0, sources.now() - at) / 1000)
    },
    squadd_tasks_submitted_total: total(
      'submitted',
      'priority',
      definitions.squadd_tasks_submitted_total.labels.priority,
    ),
    squadd_tasks_finished_total: total(
      'finished',
      'state',
      definitions.squadd_tasks_finished_total.labels.state,
    ),
    squadd_attempts_total: total(
      'attempts',
      'outcome',
      definitions.squadd_attempts_total.labels.outcome,
    ),
    squadd_agent_restarts_total: total(
      'restarts',
      'reason',
      definitions.squadd_agent_restarts_total.labels.reason,
    ),
    squadd_late_results_total: totalOf('late_results'),
    squadd_pool_jobs_total() {
      const { completed, failed, timedOut, aborted, dropped } = sources.pool()
      const ended = { completed, failed, timed_out: timedOut, aborted, dropped }
      return definitions.squadd_pool_jobs_total.labels.outcome.map((outcome) => ({
        labels: { outcome },
        value: ended[outcome],
      }))
    },
    squadd_pool_queued_jobs: () => one(sources.pool().queued),
    squadd_pool_workers() {
      const { activeWorkers, idleWorkers } = sources.pool()
      return [
        { labels: { state: 'busy' }, value: activeWorkers },
        { labels: { state: 'idle' }, value: idleWorkers },
      ]
    },
    squadd_pool_workers_lost_total: () => one(sources.pool().lostWorkers),
    squadd_pool_job_latency_seconds() {
      const { p50, p99 } = sources.pool().latencyMs
      return [
        { labels: { stat: 'p50' }, value: p50 / 1000 },
        { labels: { stat: 'p99' }, value: p99 / 1000 },
      ]
    },
    process_cpu_seconds_total() {
      const { user, system } = process.cpuUsage()
      return one((user + system) / 1e6)
    },
    process_resident_memory_bytes: () => one(process.memoryUsage.rss()),
    process_start_time_seconds: () => one(Date.now() / 1000 - process.uptime()),
    nodejs_heap_used_bytes: () => one(process.memoryUsage().heapUsed),
    async nodejs_eventloop_lag_seconds() {
      const start = performance.now()
      await nextTurn()
      return one((performance.now() - start) / 1000)
    },
  }
}
