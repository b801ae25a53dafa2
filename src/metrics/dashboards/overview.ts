import type { Design } from './dashboard.ts'
import { bars, graph } from './graph.ts'
import { number } from './number.ts'
import { alertsFiring, greatest, inRange, moved, now, perHour, perMinute } from './query.ts'

export const overview: Design = {
  name: 'overview',
  title: 'Overview',
  description: 'Whether the squad works, what it waits for and what it costs.',
  sections: [
    {
      title: 'Now',
      lines: [
        [
          number('Running', now('squadd_tasks', { where: 'state="running"', legend: 'running' })),
          number('Ready', now('squadd_tasks', { where: 'state="ready"', legend: 'ready' })),
          number('Held', now('squadd_tasks', { where: 'state="held"', legend: 'held' }), {
            description: 'Tasks that need a person: release, cancel or retry them.',
            warn: 1,
          }),
          number(
            'Oldest ready',
            greatest('squadd_queue_oldest_task_age_seconds', { legend: 'age' }),
            { warn: 300, alarm: 1800 },
          ),
          number(
            'Ask a person',
            now('squadd_agents', { where: 'state="waiting"', legend: 'waiting' }),
            { description: 'Agents whose program waits for an answer.', warn: 1 },
          ),
          number(
            'Failed agents',
            now('squadd_agents', { where: 'state="failed"', legend: 'failed' }),
            { description: 'Agents that were given up; squadd explain says why.', alarm: 1 },
          ),
          number('Cost', inRange('squadd_agent_cost_usd_total', { legend: 'cost' }), {
            description: 'What programs said they cost in the time that is shown, in US dollars.',
          }),
          number('Alerts', alertsFiring(), {
            description: 'Alerts of grafana/prometheus/rules that fire.',
            alarm: 1,
          }),
        ],
      ],
    },
    {
      title: 'Tasks and agents',
      lines: [
        [
          graph(
            'Open tasks',
            now('squadd_tasks', {
              by: 'state',
              where: 'state=~"blocked|delayed|ready|running|held"',
            }),
            { stacked: true },
          ),
          graph('Agents', now('squadd_agents', { by: 'state' }), { stacked: true }),
        ],
        [
          graph('Finished', perMinute('squadd_tasks_finished_total', { by: 'state' })),
          graph('Attempts', perMinute('squadd_attempts_total', { by: 'outcome' })),
          graph('Cost per hour', moved(perHour('squadd_agent_cost_usd_total', { by: 'program' })), {
            stacked: true,
          }),
        ],
      ],
    },
    {
      title: 'Why attempts fail',
      lines: [
        [
          graph('Failures', moved(perMinute('squadd_attempt_failures_total', { by: 'cause' }))),
          bars(
            'Failures by cause',
            moved(inRange('squadd_attempt_failures_total', { by: 'cause' })),
          ),
          bars(
            'Ended tasks',
            now('squadd_tasks', { by: 'state', where: 'state=~"completed|failed|cancelled"' }),
          ),
        ],
      ],
    },
  ],
}
