import type { Breakers } from './breakers.ts'
import type { Config } from './domain/config.ts'
import type { NewEvent } from './domain/event.ts'
import type { Candidate, HostProbe } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import type { Clock, Random } from './domain/time.ts'
import { admissionBar, hostPressure } from './policy/admission.ts'
import type { Balancer } from './policy/balancer.ts'
import { createBalancer } from './policy/balancer.ts'
import type { BreakerConfig } from './policy/breaker.ts'
import type { AgentFacts, Bar, SquadFacts } from './policy/eligibility.ts'
import { agentBar } from './policy/eligibility.ts'
import type { Roster } from './roster.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

export type PlacementPorts = {
  roster: Roster
  breakers: Breakers
  host: HostProbe
  clock: Clock
  random: Random
  config: () => Config
  isDraining: () => boolean
  /** Agents whose attempt is not recorded yet, be they up or not. */
  busyAgents: () => ReadonlySet<string | null>
  happened: (event: NewEvent) => void
  /** The machine may have calmed down: try again. */
  onRelief: () => void
}

const lookAgainMs = 5000

/** Which agent gets a task, and whether any may. What it decides by is what `explain` shows. */
export class Placement {
  readonly #ports: PlacementPorts
  #balancer: Balancer
  #pressure: string | null = null
  #cancelLook = () => {}
  /** Picked in the transaction that is just being written. */
  #picked: SupervisedAgent[] = []

  constructor(ports: PlacementPorts) {
    this.#ports = ports
    this.#balancer = this.#makeBalancer()
  }

  /** The configuration has changed. */
  reconfigure(): void {
    this.#balancer = this.#makeBalancer()
  }

  /** Agents that may take a task now. */
  free(): Candidate[] {
    const idle = this.#ports.roster.all.filter((agent) => agent.isFree)
    if (idle.length === 0) return []
    this.#measure()
    if (this.admission()) return []
    const squad = this.squadFacts()
    return idle
      .filter((agent) => agentBar(this.agentFacts(agent), squad) === null)
      .map((agent) => ({ id: agent.id, labels: agent.record.spec.labels }))
  }

  /** Asked in the transaction: agents and limits may have changed since the offer. */
  choose(task: Task, eligible: readonly Candidate[]): string | null {
    const { roster, breakers } = this.#ports
    if (this.admission()) return null
    const squad = this.squadFacts()
    const agents = eligible
      .map(({ id }) => roster.get(id))
      .filter((agent) => agent.isFree && agentBar(this.agentFacts(agent), squad) === null)
    const id = this.#balancer.choose(task, agents)
    if (id === null) return null
    const agent = roster.get(id)
    this.#picked.push(agent)
    breakers.admitted(workerOf(agent))
    return id
  }

  /** The transaction is written, or not: then what was picked gives back its places. */
  written(isCommitted: boolean): void {
    const picked = this.#picked.splice(0)
    if (isCommitted) return
    const { breakers, clock } = this.#ports
    const nothing = { outcome: 'not_started', cause: null, reason: 'not stored' } as const
    for (const agent of picked) breakers.ended(workerOf(agent), nothing, clock.now())
  }

  /** The machine is too busy for more tasks. */
  get isPaused(): boolean {
    return this.#pressure !== null
  }

  /** What keeps the whole squad from taking one task more. */
  admission(): Bar | null {
    const { config, isDraining } = this.#ports
    return admissionBar({
      draining: isDraining(),
      runningTasks: this.#busy().length,
      maxConcurrentTasks: config().maxConcurrentTasks,
      pressure: this.#pressure,
    })
  }

  agentFacts(agent: SupervisedAgent): AgentFacts {
    const { spec, goal } = agent.record
    return {
      id: agent.id,
      labels: spec.labels,
      program: spec.program,
      state: agent.state,
      goal,
      reason: agent.reason,
      isLeaving: agent.isLeaving,
      currentTask: agent.currentTask?.id ?? null,
      isTidying: agent.isTidying,
      breaker: this.#ports.breakers.ofAgent(agent.id),
    }
  }

  squadFacts(): SquadFacts {
    const { config, clock, breakers } = this.#ports
    const program = new Map<string, number>()
    const label = new Map<string, number>()
    const addTo = (counts: Map<string, number>, name: string) =>
      counts.set(name, (counts.get(name) ?? 0) + 1)
    for (const { record } of this.#busy()) {
      addTo(program, record.spec.program)
      for (const name of record.spec.labels) addTo(label, name)
    }
    return {
      now: clock.now(),
      breakers: breakerConfig(config()),
      programBreaker: (name) => breakers.ofProgram(name),
      running: { program, label },
      limits: { program: config().programLimits, label: config().labelLimits },
    }
  }

  close(): void {
    this.#cancelLook()
  }

  #busy(): SupervisedAgent[] {
    const { roster, busyAgents } = this.#ports
    const busy = busyAgents()
    return roster.all.filter(
      (agent) => agent.currentTask !== null || busy.has(agent.id) || this.#picked.includes(agent),
    )
  }

  #measure(): void {
    const { host, config, clock, happened, onRelief } = this.#ports
    const before = this.#pressure
    this.#pressure = hostPressure(host.facts(), config(), before !== null)
    this.#cancelLook()
    if (this.#pressure !== null) {
      this.#cancelLook = clock.after(lookAgainMs, onRelief)
      if (before === null) happened({ type: 'AdmissionPaused', data: { reason: this.#pressure } })
    } else if (before !== null) happened({ type: 'AdmissionResumed' })
  }

  #makeBalancer(): Balancer {
    const { config, random } = this.#ports
    return createBalancer(config().loadBalancingAlgorithm, random)
  }
}

export const workerOf = (agent: SupervisedAgent) => ({
  id: agent.id,
  program: agent.record.spec.program,
})

export const breakerConfig = (config: Config): BreakerConfig => ({
  maxFailures: config.breakerMaxFailures,
  resetTimeoutMs: config.breakerResetMs,
  halfOpenTests: config.breakerHalfOpenTests,
})
