import type { Design } from './dashboard.ts'
import { graph } from './graph.ts'
import { moment, number, words } from './number.ts'
import { greatest, inRange, moved, now, observed, perMinute, perSecond, quantile } from './query.ts'

export const host: Design = {
  name: 'host',
  title: 'Daemon and host',
  description: 'The supervisor itself, its API and store, and the machine under it.',
  sections: [
    {
      title: 'Now',
      lines: [
        [
          words(
            'Runs',
            now('squadd_build_info', {
              by: 'version, node, store',
              legend: 'squadd {{version}} · node {{node}} · {{store}}',
            }),
          ),
          number('Up', greatest('squadd_uptime_seconds', { legend: 'up' })),
          moment('Started', greatest('process_start_time_seconds', { legend: 'started' })),
          moment(
            'Last backup',
            greatest('squadd_last_backup_timestamp_seconds', { legend: 'backup' }),
          ),
          number('Event streams', now('squadd_event_subscribers', { legend: 'streams' })),
          number('Clock jumps', inRange('squadd_clock_jumps_total', { legend: 'jumps' }), {
            warn: 1,
          }),
        ],
      ],
    },
    {
      title: 'Supervisor',
      lines: [
        [
          graph('CPU', perSecond('process_cpu_seconds_total', { legend: 'supervisor' }), {
            description: 'CPU time of the supervisor process; 100 % is one core.',
          }),
          graph('Memory', [
            now('process_resident_memory_bytes', { legend: 'resident' }),
            now('nodejs_heap_used_bytes', { legend: 'heap in use' }),
          ]),
          graph('Event loop lag', [
            greatest('squadd_event_loop_lag_seconds', { by: 'stat' }),
            greatest('nodejs_eventloop_lag_seconds', { legend: 'at the scrape' }),
          ]),
        ],
      ],
    },
    {
      title: 'API and events',
      lines: [
        [
          graph('Requests', perSecond('squadd_http_requests_total', { by: 'code' }), {
            stacked: true,
          }),
          graph(
            'Answer time by route, 95 of 100',
            quantile(0.95, 'squadd_http_request_duration_seconds', {
              by: 'route',
            }),
          ),
          graph('Events', moved(perMinute('squadd_events_published_total', { by: 'type' })), {
            stacked: true,
          }),
        ],
        [
          graph('Open event streams', now('squadd_event_subscribers', { legend: 'streams' })),
          graph('Streams ended for slowness, events missed', [
            perMinute('squadd_event_subscribers_dropped_total', { by: 'reason' }),
            perMinute('squadd_events_missed_total', { legend: 'events missed' }),
          ]),
          graph('Notifications', perMinute('squadd_notifications_total', { by: 'result' })),
        ],
      ],
    },
    {
      title: 'Store, git and worker threads',
      lines: [
        [
          graph(
            'Store time, 95 of 100 operations',
            quantile(0.95, 'squadd_store_operation_duration_seconds', { by: 'op' }),
          ),
          graph(
            'Store operations',
            observed('squadd_store_operation_duration_seconds', { by: 'op' }),
            { stacked: true },
          ),
          graph('Store size', now('squadd_store_size_bytes', { by: 'file' }), { stacked: true }),
        ],
        [
          graph('Store errors, git locks', [
            perMinute('squadd_store_errors_total', { by: 'code' }),
            perMinute('squadd_git_lock_retries_total', { legend: 'git: another held the lock' }),
          ]),
          graph('Worker threads', [
            now('squadd_pool_workers', { by: 'state' }),
            now('squadd_pool_queued_jobs', { legend: 'jobs that wait' }),
          ]),
          graph('Jobs of threads', [
            perMinute('squadd_pool_jobs_total', { by: 'outcome' }),
            perMinute('squadd_pool_workers_lost_total', { legend: 'threads lost' }),
          ]),
          graph('Time of jobs', greatest('squadd_pool_job_latency_seconds', { by: 'stat' })),
        ],
      ],
    },
    {
      title: 'Machine',
      lines: [
        [
          graph('Load per core', greatest('squadd_host_load_per_core', { legend: 'load' }), {
            unit: 'short',
          }),
          graph('Memory of the machine', now('squadd_host_memory_bytes', { by: 'state' }), {
            stacked: true,
          }),
          graph('Free disk', now('squadd_disk_free_bytes', { by: 'mount' })),
        ],
      ],
    },
  ],
}
