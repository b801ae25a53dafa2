import type { Design } from './dashboard.ts'
import { graph, heat } from './graph.ts'
import { number } from './number.ts'
import { greatest, now, perBucket, perMinute, quantile, ratio } from './query.ts'

const waitingStates = 'state=~"blocked|delayed|ready"'
const chosen = 'priority=~"$priority"'

export const queue: Design = {
  name: 'queue',
  title: 'Queue',
  description: 'How long tasks wait, how fast they go and how they end.',
  variables: [{ label: 'priority', of: 'squadd_tasks_submitted_total' }],
  sections: [
    {
      title: 'Now',
      lines: [
        [
          number(
            'Tasks that wait',
            now('squadd_tasks', { where: waitingStates, legend: 'waiting' }),
            {
              description: 'Tasks that are blocked, delayed or ready.',
            },
          ),
          number(
            'Oldest ready task',
            greatest('squadd_queue_oldest_task_age_seconds', { legend: 'age' }),
            { warn: 300, alarm: 1800 },
          ),
          number(
            'Queue full',
            ratio(now('squadd_tasks', { where: waitingStates }), now('squadd_queue_limit'), 'full'),
            { warn: 0.7, alarm: 0.9 },
          ),
          number(
            'Slots taken',
            ratio(
              now('squadd_tasks', { where: 'state="running"' }),
              now('squadd_concurrency_limit'),
              'taken',
            ),
          ),
          number('Admission paused', now('squadd_admission_paused', { legend: 'paused' }), {
            warn: 1,
          }),
          number('Need a person', now('squadd_tasks', { where: 'state="held"', legend: 'held' }), {
            description: 'Tasks that are held: release, cancel or retry them.',
            warn: 1,
          }),
        ],
      ],
    },
    {
      title: 'Flow',
      lines: [
        [
          graph('Waiting by state', now('squadd_tasks', { by: 'state', where: waitingStates }), {
            stacked: true,
          }),
          graph(
            'Submitted',
            perMinute('squadd_tasks_submitted_total', { by: 'priority', where: chosen }),
            { stacked: true },
          ),
          graph('Ended', perMinute('squadd_tasks_finished_total', { by: 'state' }), {
            stacked: true,
          }),
        ],
      ],
    },
    {
      title: 'Waiting',
      lines: [
        [
          graph(
            'Wait, half of the tasks',
            quantile(0.5, 'squadd_task_queue_wait_seconds', { by: 'priority', where: chosen }),
          ),
          graph(
            'Wait, 95 of 100 tasks',
            quantile(0.95, 'squadd_task_queue_wait_seconds', { by: 'priority', where: chosen }),
          ),
          heat('Waits', perBucket('squadd_task_queue_wait_seconds', chosen)),
        ],
      ],
    },
    {
      title: 'Running',
      lines: [
        [
          graph(
            'Duration, 95 of 100 attempts',
            quantile(0.95, 'squadd_task_duration_seconds', { by: 'program' }),
          ),
          heat('Durations', perBucket('squadd_task_duration_seconds')),
          graph(
            'Steps to a running program, 95 of 100',
            quantile(0.95, 'squadd_dispatch_duration_seconds', { by: 'step' }),
          ),
        ],
        [
          graph('Attempts', perMinute('squadd_attempts_total', { by: 'outcome' }), {
            stacked: true,
          }),
          graph('Attempts that no longer counted', [
            perMinute('squadd_leases_expired_total', { legend: 'leases expired' }),
            perMinute('squadd_late_results_total', { legend: 'late results' }),
            perMinute('squadd_fenced_writes_total', { legend: 'fenced writes' }),
          ]),
        ],
      ],
    },
  ],
}
