import type { ProgramName } from '../supervisor/domain/agent.ts'
import type { TaskState } from '../supervisor/domain/task.ts'
import type { TotalName } from '../supervisor/domain/totals.ts'
import type { MetricName } from './definitions.ts'
import type { Facts } from './facts.ts'
import { totalKey } from './facts.ts'

/** The value of a series, by the values of its labels in the order of `definitions`. */
export type Reading = (facts: Facts, ...labels: string[]) => number

const total =
  (name: TotalName, unit = 1): Reading =>
  ({ totals }, ...labels) =>
    (totals.get(totalKey(name, ...labels)) ?? 0) / unit

const since = ({ now }: Facts, at: number | null): number =>
  at === null ? 0 : Math.max(0, now - at) / 1000

// Looked at once: every start that is told apart is taken for a new process, and its counters for reset.
const processStartedAt = performance.timeOrigin / 1000

/** How the metrics are read that are neither histograms, nor measured as things happen, nor of one agent. */
export const readings = {
  squadd_build_info: () => 1,
  squadd_uptime_seconds: (facts) => since(facts, facts.startedAt),

  squadd_tasks: ({ tasks }, state) => tasks[state as TaskState],
  squadd_queue_limit: ({ limits }) => limits.taskQueueSize,
  squadd_queue_oldest_task_age_seconds: (facts) => since(facts, facts.oldestReadyAt),
  squadd_concurrency_limit: ({ limits }) => limits.maxConcurrentTasks,
  squadd_admission_paused: ({ isAdmissionPaused }) => Number(isAdmissionPaused),
  squadd_tasks_submitted_total: total('submitted'),
  squadd_tasks_finished_total: total('finished'),
  squadd_attempts_total: total('attempts'),
  squadd_attempt_failures_total: total('causes'),
  squadd_leases_expired_total: total('leases_expired'),
  squadd_late_results_total: total('late_results'),
  squadd_fenced_writes_total: total('fenced_writes'),
  squadd_notifications_total: total('notifications'),

  squadd_agents: ({ agentStates }, state = '') => agentStates.get(state) ?? 0,
  squadd_agent_breakers: ({ agentBreakers }, state = '') => agentBreakers.get(state) ?? 0,
  squadd_program_breakers: ({ programBreaker }, program, state) =>
    Number(programBreaker(program as ProgramName) === state),
  squadd_agent_restarts_total: total('restarts'),
  squadd_agent_readopted_total: total('readopted'),
  squadd_orphans_killed_total: total('orphans'),
  squadd_agent_questions_total: total('questions'),
  squadd_agent_longest_wait_seconds: (facts) =>
    Math.max(0, ...facts.agents.map(({ waitingSince }) => since(facts, waitingSince))),
  squadd_agent_tokens_total: total('tokens'),
  squadd_agent_cost_usd_total: total('cost_micro_usd', 1e6),

  squadd_events_published_total: total('events'),
  squadd_store_size_bytes: ({ size }, file) => size[file as keyof Facts['size']],

  squadd_pool_jobs_total: ({ pool }, outcome) =>
    ({ ...pool, timed_out: pool.timedOut })[outcome as 'completed' | 'timed_out'],
  squadd_pool_queued_jobs: ({ pool }) => pool.queued,
  squadd_pool_workers: ({ pool }, state) =>
    state === 'busy' ? pool.activeWorkers : pool.idleWorkers,
  squadd_pool_workers_lost_total: ({ pool }) => pool.lostWorkers,
  squadd_pool_job_latency_seconds: ({ pool }, stat) => pool.latencyMs[stat as 'p50' | 'p99'] / 1000,

  squadd_disk_free_bytes: ({ disk }, mount) => disk[mount as keyof Facts['disk']],
  squadd_host_load_per_core: ({ host }) => host.loadPerCore,
  squadd_host_memory_bytes: ({ host: { freeMemoryBytes: free, totalMemoryBytes } }, state) =>
    state === 'free' ? free : totalMemoryBytes - free,
  squadd_event_loop_lag_seconds: ({ lag }, stat) => lag[stat as keyof Facts['lag']],
  squadd_clock_jumps_total: ({ jumps }, direction) => jumps[direction as keyof Facts['jumps']],
  squadd_last_backup_timestamp_seconds: ({ lastBackupAt }) => (lastBackupAt ?? 0) / 1000,
  process_cpu_seconds_total: ({ cpuSeconds }) => cpuSeconds,
  process_resident_memory_bytes: ({ memory }) => memory.rss,
  process_start_time_seconds: () => processStartedAt,
  nodejs_heap_used_bytes: ({ memory }) => memory.heapUsed,
  nodejs_eventloop_lag_seconds: ({ turnSeconds }) => turnSeconds,
} satisfies Partial<Record<MetricName, Reading>>

/** Histograms that the store keeps. */
export const storedHistograms = {
  squadd_task_queue_wait_seconds: 'queue_wait',
  squadd_task_duration_seconds: 'task_duration',
  squadd_agent_waiting_seconds: 'waiting',
} as const satisfies Partial<Record<MetricName, TotalName>>
