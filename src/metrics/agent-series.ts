import type { MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { AgentFacts } from './facts.ts'
import type { Family } from './series.ts'
import { startOf } from './series.ts'

type Row = {
  name: MetricName
  labels?: (agent: AgentFacts) => Record<string, string>
  value: (agent: AgentFacts) => number
}

/** The series of each agent, those of one metric next to each other. */
const table = [
  {
    name: 'squadd_agent_info',
    labels: ({ program, state }) => ({ program, state }),
    value: () => 1,
  },
  { name: 'squadd_agent_load_score', value: ({ loadScore }) => loadScore },
  { name: 'squadd_agent_cpu_cores', value: ({ load }) => (load?.cpuPercent ?? 0) / 100 },
  { name: 'squadd_agent_memory_bytes', value: ({ load }) => load?.memoryBytes ?? 0 },
  { name: 'squadd_agent_processes', value: ({ load }) => load?.processes ?? 0 },
  {
    name: 'squadd_agent_tasks_total',
    labels: () => ({ result: 'completed' }),
    value: ({ tasksCompleted }) => tasksCompleted,
  },
  {
    name: 'squadd_agent_tasks_total',
    labels: () => ({ result: 'failed' }),
    value: ({ tasksFailed }) => tasksFailed,
  },
  {
    name: 'squadd_agent_busy_seconds_total',
    value: ({ totalExecTimeMs }) => totalExecTimeMs / 1000,
  },
] as const satisfies Row[]

export type AgentMetric = (typeof table)[number]['name']

/** The series of all agents: what does not change of their lines is made once. */
export class AgentSeries {
  #starts = new Map<string, { looks: string; starts: string[] }>()

  /** An agent that is not among `agents` is forgotten. */
  families(agents: readonly AgentFacts[]): Family[] {
    const starts = agents.map((agent) => this.#startsOf(agent))
    this.#starts = new Map(agents.map(({ id }, index) => [id, starts[index]!]))
    return [...new Set(table.map(({ name }) => name))].map((name) => ({
      name,
      ...definitions[name],
      samples: () =>
        table.flatMap((row, column) =>
          row.name === name
            ? agents.map((agent, index) => ({
                start: starts[index]!.starts[column]!,
                value: row.value(agent),
              }))
            : [],
        ),
    }))
  }

  #startsOf(agent: AgentFacts): { looks: string; starts: string[] } {
    const looks = `${agent.program} ${agent.state}`
    const known = this.#starts.get(agent.id)
    if (known?.looks === looks) return known
    const starts = table.map((row: Row) =>
      startOf(row.name, { agent: agent.id, ...row.labels?.(agent) }),
    )
    return { looks, starts }
  }
}
