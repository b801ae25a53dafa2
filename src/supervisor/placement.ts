import type { Config } from './domain/config.ts'
import type { Candidate } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import type { Random } from './domain/time.ts'
import type { Balancer } from './policy/balancer.ts'
import { createBalancer } from './policy/balancer.ts'
import type { Roster } from './roster.ts'

/** Which agent gets a task. */
export class Placement {
  readonly #roster: Roster
  readonly #config: () => Config
  readonly #random: Random
  #balancer: Balancer

  constructor(roster: Roster, config: () => Config, random: Random) {
    this.#roster = roster
    this.#config = config
    this.#random = random
    this.#balancer = createBalancer(config().loadBalancingAlgorithm, random)
  }

  /** The configuration has changed. */
  reconfigure(): void {
    this.#balancer = createBalancer(this.#config().loadBalancingAlgorithm, this.#random)
  }

  /** Agents that may take a task now. */
  free(): Candidate[] {
    return this.#roster.all
      .filter((agent) => agent.isFree)
      .map((agent) => ({ id: agent.id, labels: agent.record.spec.labels }))
  }

  choose(task: Task, eligible: readonly Candidate[]): string | null {
    // Asked in the transaction: an agent may have been paused or lost since it was offered.
    const agents = eligible.map(({ id }) => this.#roster.get(id)).filter((agent) => agent.isFree)
    return this.#balancer.choose(task, agents)
  }
}
