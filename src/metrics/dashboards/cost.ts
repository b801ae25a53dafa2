import type { Design } from './dashboard.ts'
import { bars, graph } from './graph.ts'
import { number } from './number.ts'
import { inRange, moved, now, perHour, perMinute, quotient } from './query.ts'

const chosen = 'program=~"$program"'

export const cost: Design = {
  name: 'cost',
  title: 'Cost',
  description: 'Tokens and money, as the programs report them.',
  variables: [{ label: 'program', of: 'squadd_agent_cost_usd_total' }],
  sections: [
    {
      title: 'In the time that is shown',
      lines: [
        [
          number('Cost', inRange('squadd_agent_cost_usd_total', { where: chosen, legend: 'cost' })),
          number(
            'Cost per hour',
            perHour('squadd_agent_cost_usd_total', { where: chosen, legend: 'cost' }),
            { description: 'At the present pace, in US dollars.' },
          ),
          number(
            'Cost per completed task',
            quotient(
              inRange('squadd_agent_cost_usd_total', { where: chosen }),
              inRange('squadd_tasks_finished_total', { where: 'state="completed"' }),
              'cost',
            ),
            { description: 'All that was spent, failures too, for each task that succeeded.' },
          ),
          number(
            'Tokens read',
            inRange('squadd_agent_tokens_total', {
              where: `direction="input", ${chosen}`,
              legend: 'input',
            }),
          ),
          number(
            'Tokens written',
            inRange('squadd_agent_tokens_total', {
              where: `direction="output", ${chosen}`,
              legend: 'output',
            }),
          ),
        ],
      ],
    },
    {
      title: 'Over time',
      lines: [
        [
          graph(
            'Cost per hour by program',
            moved(perHour('squadd_agent_cost_usd_total', { by: 'program', where: chosen })),
            { stacked: true },
          ),
          graph(
            'Cost since the store was made',
            moved(now('squadd_agent_cost_usd_total', { by: 'program', where: chosen })),
            { stacked: true },
          ),
        ],
        [
          graph(
            'Tokens by direction',
            perMinute('squadd_agent_tokens_total', { by: 'direction', where: chosen }),
          ),
          graph(
            'Tokens by program',
            moved(perMinute('squadd_agent_tokens_total', { by: 'program', where: chosen })),
            { stacked: true },
          ),
          bars(
            'Cost by program',
            moved(inRange('squadd_agent_cost_usd_total', { by: 'program', where: chosen })),
            { description: 'In the time that is shown.' },
          ),
        ],
      ],
    },
  ],
}
