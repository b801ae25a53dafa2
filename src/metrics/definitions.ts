import { agentStates } from '../supervisor/domain/agent.ts'
import { outcomes, priorities, taskStates } from '../supervisor/domain/task.ts'

/**
 * One metric. `labels`: every value a label may have, so that the number of series is fixed and all
 * exist from the start; `free` for a label whose one value is known only at run time.
 */
export type Definition = {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels?: Record<string, readonly string[] | 'free'>
  buckets?: readonly number[]
}

const endedStates = ['completed', 'failed', 'cancelled'] as const

/** Every metric of squadd: base units, closed labels, `_total` on counters alone. */
export const definitions = {
  squadd_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what runs.',
    labels: { version: 'free', node: 'free', store: 'free' },
  },
  squadd_uptime_seconds: { type: 'gauge', help: 'Time since this supervisor started.' },
  squadd_tasks: {
    type: 'gauge',
    help: 'Tasks that are in a state now.',
    labels: { state: taskStates },
  },
  squadd_agents: {
    type: 'gauge',
    help: 'Agents that are in a state now.',
    labels: { state: agentStates },
  },
  squadd_queue_oldest_task_age_seconds: {
    type: 'gauge',
    help: 'Time since the oldest ready task was submitted; 0 when none is ready.',
  },
  squadd_tasks_submitted_total: {
    type: 'counter',
    help: 'Tasks stored, since the store was made.',
    labels: { priority: priorities },
  },
  squadd_tasks_finished_total: {
    type: 'counter',
    help: 'Tasks that came to an end, since the store was made.',
    labels: { state: endedStates },
  },
  squadd_attempts_total: {
    type: 'counter',
    help: 'Attempts that came to an end, since the store was made.',
    labels: { outcome: outcomes },
  },
  squadd_agent_restarts_total: {
    type: 'counter',
    help: 'Agent hosts started again after a death, since the store was made.',
  },
  squadd_late_results_total: {
    type: 'counter',
    help: 'Results of attempts that no longer counted, since the store was made.',
  },
  squadd_task_queue_wait_seconds: {
    type: 'histogram',
    help: 'Time from when a task could be claimed to its claim.',
    labels: { priority: priorities },
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
  },
  squadd_pool_jobs_total: {
    type: 'counter',
    help: 'Jobs of the worker threads that came to an end, since this supervisor started.',
    labels: { outcome: ['completed', 'failed', 'timed_out', 'aborted', 'dropped'] },
  },
  squadd_pool_queued_jobs: { type: 'gauge', help: 'Jobs that wait for a worker thread.' },
  squadd_pool_workers: {
    type: 'gauge',
    help: 'Worker threads that are in a state now.',
    labels: { state: ['busy', 'idle'] },
  },
  squadd_pool_workers_lost_total: {
    type: 'counter',
    help: 'Worker threads that died or had to be ended, since this supervisor started.',
  },
  squadd_pool_job_latency_seconds: {
    type: 'gauge',
    help: 'Time of a job from its submission to its end: half, and all but one of 100, took less.',
    labels: { quantile: ['0.5', '0.99'] },
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time of the supervisor process, user and system.',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the supervisor process.',
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the supervisor process started, seconds since 1970.',
  },
  nodejs_heap_used_bytes: { type: 'gauge', help: 'JavaScript heap in use.' },
  nodejs_eventloop_lag_seconds: {
    type: 'gauge',
    help: 'How late the event loop was for this scrape.',
  },
} as const satisfies Record<string, Definition>

export type MetricName = keyof typeof definitions
