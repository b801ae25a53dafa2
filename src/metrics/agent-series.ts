import type { AgentReading } from '../supervisor/domain/meter.ts'
import type { MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { Family } from './series.ts'
import { startOf } from './series.ts'

type Row = {
  name: MetricName
  labels?: Record<string, string>
  value: (agent: AgentReading) => number
}

/** The series of each agent beside `squadd_agent_info`, those of one metric next to each other. */
const table: readonly Row[] = [
  { name: 'squadd_agent_load_score', value: ({ loadScore }) => loadScore },
  { name: 'squadd_agent_cpu_cores', value: ({ load }) => (load?.cpuPercent ?? 0) / 100 },
  { name: 'squadd_agent_memory_bytes', value: ({ load }) => load?.memoryBytes ?? 0 },
  { name: 'squadd_agent_processes', value: ({ load }) => load?.processes ?? 0 },
  {
    name: 'squadd_agent_tasks_total',
    labels: { result: 'completed' },
    value: ({ tasksCompleted }) => tasksCompleted,
  },
  {
    name: 'squadd_agent_tasks_total',
    labels: { result: 'failed' },
    value: ({ tasksFailed }) => tasksFailed,
  },
  {
    name: 'squadd_agent_busy_seconds_total',
    value: ({ totalExecTimeMs }) => totalExecTimeMs / 1000,
  },
]

const metrics = [...new Set(table.map(({ name }) => name))].map(
  (name) => [name, table.filter((row) => row.name === name)] as const,
)

type Info = Pick<AgentReading, 'program' | 'state'> & { start: string }

/** The series of all agents: what does not change of their lines is made once. */
export class AgentSeries {
  #agents: readonly string[] = []
  #infos: readonly Info[] = []
  #infoStarts: readonly string[] = []
  #starts: string[][] = metrics.map(() => [])

  /** An agent that is not among `agents` is forgotten. */
  families(agents: readonly AgentReading[]): Family[] {
    const isSame =
      agents.length === this.#agents.length && agents.every(({ id }, i) => id === this.#agents[i])
    if (!isSame) this.#begin(agents.map(({ id }) => id))
    return [
      this.#info(agents),
      ...metrics.map(([name, rows], metric) => ({
        name,
        ...definitions[name],
        starts: this.#starts[metric]!,
        values: rows.flatMap(({ value }) => agents.map(value)),
      })),
    ]
  }

  #begin(agents: readonly string[]): void {
    this.#agents = agents
    this.#infos = []
    this.#infoStarts = []
    this.#starts = metrics.map(([name, rows]) =>
      rows.flatMap(({ labels }) => agents.map((agent) => startOf(name, { agent, ...labels }))),
    )
  }

  #info(agents: readonly AgentReading[]): Family {
    const name = 'squadd_agent_info'
    const last = this.#infos
    const infos = agents.map(({ id: agent, program, state }, i) => {
      const known = last[i]
      if (known?.program === program && known.state === state) return known
      return { program, state, start: startOf(name, { agent, program, state }) }
    })
    // The same array as long as no agent moves: then its text is known too.
    if (infos.length !== last.length || infos.some((info, i) => info !== last[i]))
      this.#infoStarts = infos.map(({ start }) => start)
    this.#infos = infos
    return { name, ...definitions[name], starts: this.#infoStarts, values: agents.map(() => 1) }
  }
}
