import type { NewEvent } from './domain/event.ts'
import type { SquadStatus } from './domain/squad.ts'
import type { Clock } from './domain/time.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

export type SystemMetricsPorts = {
  clock: Clock
  intervalMs: () => number
  status: () => Pick<SquadStatus, 'agents' | 'tasks'>
  agents: () => SupervisedAgent[]
  happened: (event: NewEvent) => void
}

/** Tells at an interval how the squad is, when that has changed: an idle squad writes nothing. */
export class SystemMetrics {
  readonly #ports: SystemMetricsPorts
  #last = ''
  #cancel = () => {}

  constructor(ports: SystemMetricsPorts) {
    this.#ports = ports
  }

  start(): void {
    const { clock, intervalMs } = this.#ports
    this.#cancel = clock.after(intervalMs(), () => {
      this.#tell()
      this.start()
    })
  }

  stop(): void {
    this.#cancel()
  }

  #tell(): void {
    const { agents, tasks } = this.#ports.status()
    const data = { agents, tasks, load: loadOf(this.#ports.agents()) }
    const text = JSON.stringify(data)
    if (text === this.#last) return
    this.#last = text
    this.#ports.happened({ type: 'SystemMetrics', data })
  }
}

/** The mean load score, and what all programs use together. */
function loadOf(agents: readonly SupervisedAgent[]) {
  const sum = (of: (agent: SupervisedAgent) => number) =>
    agents.reduce((total, agent) => total + of(agent), 0)
  return {
    score: sum((agent) => agent.loadScore) / Math.max(1, agents.length),
    cpuPercent: sum((agent) => agent.load?.cpuPercent ?? 0),
    memoryBytes: sum((agent) => agent.load?.memoryBytes ?? 0),
  }
}
