import { agentStates } from '../../supervisor/domain/agent.ts'
import type { Design } from './dashboard.ts'
import { graph, timeline } from './graph.ts'
import { number } from './number.ts'
import { greatest, now, perMinute, perSecond, quantile, ratio, stateOf } from './query.ts'

const chosen = 'agent=~"$agent"'
const breakerStates = ['closed', 'open', 'half-open']
const able = 'state=~"idle|running|waiting"'

export const agents: Design = {
  name: 'agents',
  title: 'Agents',
  description: 'What each agent does, what it uses and how well it is.',
  variables: [{ label: 'agent', of: 'squadd_agent_info' }],
  sections: [
    {
      title: 'Now',
      lines: [
        [
          number('Agents', now('squadd_agents', { legend: 'agents' })),
          number(
            'Busy',
            ratio(
              now('squadd_agents', { where: 'state=~"running|waiting"' }),
              now('squadd_agents', { where: able }),
              'busy',
            ),
            { description: 'Of the agents that can work, those that do.' },
          ),
          number(
            'Ask a person',
            now('squadd_agents', { where: 'state="waiting"', legend: 'waiting' }),
            { warn: 1 },
          ),
          number(
            'Longest wait for a person',
            greatest('squadd_agent_longest_wait_seconds', { legend: 'wait' }),
            { warn: 60, alarm: 900 },
          ),
          number('Failed', now('squadd_agents', { where: 'state="failed"', legend: 'failed' }), {
            alarm: 1,
          }),
          number(
            'Breakers not closed',
            now('squadd_agent_breakers', { where: 'state!="closed"', legend: 'not closed' }),
            { alarm: 1 },
          ),
        ],
        [
          timeline(
            'What each agent does',
            stateOf('squadd_agent_info', 'agent', agentStates, chosen),
            agentStates,
          ),
        ],
      ],
    },
    {
      title: 'Each agent',
      lines: [
        [
          graph('Load score', now('squadd_agent_load_score', { by: 'agent', where: chosen }), {
            max: 1,
          }),
          graph(
            'Time spent on tasks',
            perSecond('squadd_agent_busy_seconds_total', { by: 'agent', where: chosen }),
            {
              description:
                'Share of its time; an attempt counts when it ends, so one that ends may show more than 100 %.',
            },
          ),
          graph(
            'Tasks ended',
            perMinute('squadd_agent_tasks_total', { by: 'agent', where: chosen }),
          ),
        ],
        [
          graph('CPU', now('squadd_agent_cpu_cores', { by: 'agent', where: chosen })),
          graph('Memory', now('squadd_agent_memory_bytes', { by: 'agent', where: chosen })),
          graph('Processes', now('squadd_agent_processes', { by: 'agent', where: chosen })),
        ],
      ],
    },
    {
      title: 'Health',
      lines: [
        [
          graph('Restarts of hosts', perMinute('squadd_agent_restarts_total', { by: 'reason' })),
          graph('Breakers of agents', now('squadd_agent_breakers', { by: 'state' }), {
            stacked: true,
          }),
          timeline(
            'Breakers of programs',
            stateOf('squadd_program_breakers', 'program', breakerStates),
            breakerStates,
          ),
        ],
        [
          graph('Taken over and cleared away', [
            perMinute('squadd_agent_readopted_total', { legend: 'attempts taken over' }),
            perMinute('squadd_orphans_killed_total', { legend: 'orphans killed' }),
          ]),
          graph('Questions', perMinute('squadd_agent_questions_total', { legend: 'questions' })),
          graph('Waits for a person', [
            quantile(0.5, 'squadd_agent_waiting_seconds'),
            quantile(0.95, 'squadd_agent_waiting_seconds'),
          ]),
        ],
      ],
    },
  ],
}
