import { agentStates, programNames, restartReasons } from '../supervisor/domain/agent.ts'
import type { EventType } from '../supervisor/domain/event.ts'
import { eventTable } from '../supervisor/domain/event.ts'
import {
  dispatchSteps,
  gitOperations,
  storeErrors,
  storeOperations,
  subscriberDrops,
} from '../supervisor/domain/meter.ts'
import { causes, endedStates, outcomes, priorities, taskStates } from '../supervisor/domain/task.ts'
import { durationBuckets, questionBuckets, waitBuckets } from '../supervisor/domain/totals.ts'

export type Unit =
  | 'agents'
  | 'attempts'
  | 'bytes'
  | 'cores'
  | 'events'
  | 'flag'
  | 'info'
  | 'jobs'
  | 'jumps'
  | 'notifications'
  | 'processes'
  | 'ratio'
  | 'requests'
  | 'seconds'
  | 'tasks'
  | 'threads'
  | 'timestamp'
  | 'tokens'
  | 'usd'

/**
 * One metric. `labels`: every value a label may have, so that the number of series is fixed and all
 * exist from the start; `free` for a label whose values are known only at run time. A metric with the
 * label `agent` has one series for each agent that there is. `exemplar`: observations name a task.
 */
export type Definition = {
  type: 'counter' | 'gauge' | 'histogram'
  unit: Unit
  help: string
  labels?: Record<string, readonly string[] | 'free'>
  buckets?: readonly number[]
  exemplar?: true
}

const breakerStates = ['closed', 'open', 'half-open'] as const
const percentiles = ['p50', 'p99'] as const
const fine = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const

/** Every metric of squadd: base units, closed labels, `_total` on counters alone. */
export const definitions = {
  squadd_build_info: {
    type: 'gauge',
    unit: 'info',
    help: 'Always 1; the labels say what runs.',
    labels: { version: 'free', node: 'free', store: 'free' },
  },
  squadd_uptime_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since this supervisor started.',
  },

  // The queue.
  squadd_tasks: {
    type: 'gauge',
    unit: 'tasks',
    help: 'Tasks that are in a state now.',
    labels: { state: taskStates },
  },
  squadd_queue_limit: {
    type: 'gauge',
    unit: 'tasks',
    help: 'Tasks that may wait (blocked, delayed and ready together); one more is refused.',
  },
  squadd_queue_oldest_task_age_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since the oldest ready task was submitted; 0 when none is ready.',
  },
  squadd_concurrency_limit: {
    type: 'gauge',
    unit: 'tasks',
    help: 'Tasks that may run at the same time.',
  },
  squadd_admission_paused: {
    type: 'gauge',
    unit: 'flag',
    help: '1 while no task is given out because the machine is too busy, else 0.',
  },
  squadd_tasks_submitted_total: {
    type: 'counter',
    unit: 'tasks',
    help: 'Tasks stored, since the store was made.',
    labels: { priority: priorities },
  },
  squadd_tasks_finished_total: {
    type: 'counter',
    unit: 'tasks',
    help: 'Tasks that came to an end, since the store was made.',
    labels: { state: endedStates },
  },
  squadd_attempts_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Attempts that came to an end, since the store was made.',
    labels: { outcome: outcomes },
  },
  squadd_attempt_failures_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Attempts that ended with a cause of failure, since the store was made.',
    labels: { cause: causes },
  },
  squadd_task_queue_wait_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time from when a task could be claimed to its claim, since the store was made.',
    labels: { priority: priorities },
    buckets: waitBuckets,
    exemplar: true,
  },
  squadd_task_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'How long attempts took, by program and outcome, since the store was made.',
    labels: { program: programNames, outcome: outcomes },
    buckets: durationBuckets,
    exemplar: true,
  },
  squadd_dispatch_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Steps towards a running program: claim a task, start it; of an agent: worktree, host.',
    labels: { step: dispatchSteps },
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  squadd_leases_expired_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Claims given up because their agent was gone for good, since the store was made.',
  },
  squadd_late_results_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Results of attempts that no longer counted, since the store was made.',
  },
  squadd_fenced_writes_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Writes refused because their attempt no longer counted, since the store was made.',
  },

  // The agents.
  squadd_agents: {
    type: 'gauge',
    unit: 'agents',
    help: 'Agents that are in a state now.',
    labels: { state: agentStates },
  },
  squadd_agent_breakers: {
    type: 'gauge',
    unit: 'agents',
    help: 'Agents whose breaker is in a state now.',
    labels: { state: breakerStates },
  },
  squadd_program_breakers: {
    type: 'gauge',
    unit: 'flag',
    help: '1 for the state in which the breaker of a program is now, else 0.',
    labels: { program: programNames, state: breakerStates },
  },
  squadd_agent_restarts_total: {
    type: 'counter',
    unit: 'processes',
    help: 'Agent hosts started again after a death, since the store was made.',
    labels: { reason: restartReasons },
  },
  squadd_agent_readopted_total: {
    type: 'counter',
    unit: 'attempts',
    help: 'Running attempts that another agent host took over, since the store was made.',
  },
  squadd_orphans_killed_total: {
    type: 'counter',
    unit: 'processes',
    help: 'Processes that attempts left running and that were ended, since the store was made.',
  },
  squadd_agent_questions_total: {
    type: 'counter',
    unit: 'events',
    help: 'Questions of programs to a person, since the store was made.',
  },
  squadd_agent_waiting_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'How long programs waited for a person, since the store was made.',
    buckets: questionBuckets,
  },
  squadd_agent_longest_wait_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since the oldest open question was asked; 0 when no program waits.',
  },
  squadd_agent_tokens_total: {
    type: 'counter',
    unit: 'tokens',
    help: 'Tokens that programs said they used, since the store was made.',
    labels: { program: programNames, direction: ['input', 'output'] },
  },
  squadd_agent_cost_usd_total: {
    type: 'counter',
    unit: 'usd',
    help: 'What programs said they cost, in US dollars, since the store was made.',
    labels: { program: programNames },
  },
  squadd_agent_info: {
    type: 'gauge',
    unit: 'info',
    help: 'Always 1; one series an agent: its program and the state it is in.',
    labels: { agent: 'free', program: programNames, state: agentStates },
  },
  squadd_agent_load_score: {
    type: 'gauge',
    unit: 'ratio',
    help: 'How loaded an agent is, from 0 (free) to 1 (taken or unfit).',
    labels: { agent: 'free' },
  },
  squadd_agent_cpu_cores: {
    type: 'gauge',
    unit: 'cores',
    help: 'CPU that the program of an agent uses while it has a task; 1 is one core.',
    labels: { agent: 'free' },
  },
  squadd_agent_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Resident memory of the program of an agent while it has a task.',
    labels: { agent: 'free' },
  },
  squadd_agent_processes: {
    type: 'gauge',
    unit: 'processes',
    help: 'Processes of the program of an agent while it has a task.',
    labels: { agent: 'free' },
  },
  squadd_agent_tasks_total: {
    type: 'counter',
    unit: 'tasks',
    help: 'Attempts that an agent has ended, since it was added.',
    labels: { agent: 'free', result: ['completed', 'failed'] },
  },
  squadd_agent_busy_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time that an agent has spent on attempts that ended, since it was added.',
    labels: { agent: 'free' },
  },

  // The API and those who listen.
  squadd_http_requests_total: {
    type: 'counter',
    unit: 'requests',
    help: 'Requests answered, by route and class of status; other: no route, or refused before it.',
    labels: { method: 'free', route: 'free', code: ['2xx', '4xx', '5xx'] },
  },
  squadd_http_request_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'How long answers took; event streams and waits are not counted.',
    labels: { method: 'free', route: 'free' },
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
  },
  squadd_event_subscribers: {
    type: 'gauge',
    unit: 'requests',
    help: 'Event streams that are open.',
  },
  squadd_events_published_total: {
    type: 'counter',
    unit: 'events',
    help: 'Events recorded, since the store was made.',
    labels: { type: Object.keys(eventTable) as EventType[] },
  },
  squadd_event_subscribers_dropped_total: {
    type: 'counter',
    unit: 'requests',
    help: 'Event streams ended because their reader took nothing, or refused: too many.',
    labels: { reason: subscriberDrops },
  },
  squadd_events_missed_total: {
    type: 'counter',
    unit: 'events',
    help: 'Events that readers asked for when they were no longer kept.',
  },
  squadd_notifications_total: {
    type: 'counter',
    unit: 'notifications',
    help: 'Notifications that were delivered or given up, since the store was made.',
    labels: { result: ['delivered', 'given_up'] },
  },

  // Store, git and the worker pool.
  squadd_store_operation_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time of store operations; a write ends when it is durable.',
    labels: { op: storeOperations },
    buckets: fine,
  },
  squadd_store_errors_total: {
    type: 'counter',
    unit: 'events',
    help: 'Store operations that failed because of the store itself.',
    labels: { code: storeErrors },
  },
  squadd_store_size_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Size of the store and of its write-ahead log.',
    labels: { file: ['main', 'wal'] },
  },
  squadd_git_lock_retries_total: {
    type: 'counter',
    unit: 'events',
    help: 'Operations on worktrees tried again because another git held a lock.',
    labels: { op: gitOperations },
  },
  squadd_pool_jobs_total: {
    type: 'counter',
    unit: 'jobs',
    help: 'Jobs of the worker threads that came to an end, since this supervisor started.',
    labels: { outcome: ['completed', 'failed', 'timed_out', 'aborted', 'dropped'] },
  },
  squadd_pool_queued_jobs: {
    type: 'gauge',
    unit: 'jobs',
    help: 'Jobs that wait for a worker thread.',
  },
  squadd_pool_workers: {
    type: 'gauge',
    unit: 'threads',
    help: 'Worker threads that are in a state now.',
    labels: { state: ['busy', 'idle'] },
  },
  squadd_pool_workers_lost_total: {
    type: 'counter',
    unit: 'threads',
    help: 'Worker threads that died or had to be ended, since this supervisor started.',
  },
  squadd_pool_job_latency_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Time of a job from its submission to its end: half, and all but one of 100, took less.',
    labels: { stat: percentiles },
  },

  // The machine and this process.
  squadd_disk_free_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Free space on the disk that holds a folder of squadd.',
    labels: { mount: ['state', 'worktrees'] },
  },
  squadd_host_load_per_core: {
    type: 'gauge',
    unit: 'ratio',
    help: 'Load average of one minute, by core.',
  },
  squadd_host_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory of the machine.',
    labels: { state: ['free', 'used'] },
  },
  squadd_event_loop_lag_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'How late the event loop was since the scrape before; the first scrape says 0.',
    labels: { stat: [...percentiles, 'max'] },
  },
  squadd_clock_jumps_total: {
    type: 'counter',
    unit: 'jumps',
    help: 'Times the wall clock moved by more than a second beside the time that passed.',
    labels: { direction: ['forward', 'backward'] },
  },
  squadd_last_backup_timestamp_seconds: {
    type: 'gauge',
    unit: 'timestamp',
    help: 'When the last backup of the store was made, seconds since 1970; 0 = never.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'CPU time of the supervisor process, user and system.',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Resident memory of the supervisor process.',
  },
  process_start_time_seconds: {
    type: 'gauge',
    unit: 'timestamp',
    help: 'When the supervisor process started, seconds since 1970.',
  },
  nodejs_heap_used_bytes: { type: 'gauge', unit: 'bytes', help: 'JavaScript heap in use.' },
  nodejs_eventloop_lag_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'How late the event loop was for this scrape.',
  },
} as const satisfies Record<string, Definition>

export type MetricName = keyof typeof definitions
