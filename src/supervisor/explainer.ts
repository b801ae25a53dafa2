import type { Explanation } from './domain/explanation.ts'
import type { Store } from './domain/ports.ts'
import { isTaskId } from './domain/names.ts'
import type { Clock } from './domain/time.ts'
import type { Placement } from './placement.ts'
import { explainAgent, explainTask } from './policy/explain.ts'
import type { Roster } from './roster.ts'

/** Says why a task or an agent is as it is, from the facts that the squad decides by. */
export class Explainer {
  readonly #store: Store
  readonly #clock: Clock
  readonly #roster: Roster
  readonly #placement: Placement

  constructor(store: Store, clock: Clock, roster: Roster, placement: Placement) {
    this.#store = store
    this.#clock = clock
    this.#roster = roster
    this.#placement = placement
  }

  /** An agent's name, or a task's id. Throws SQUADD_NOT_FOUND. */
  explain(subject: string): Explanation {
    return this.#roster.has(subject) || !isTaskId(subject)
      ? this.#agent(subject)
      : this.#task(subject)
  }

  #task(id: string): Explanation {
    const task = this.#store.task(id)
    return explainTask({
      task,
      now: this.#clock.now(),
      agents: this.#roster.all.map((agent) => this.#placement.agentFacts(agent)),
      squad: this.#placement.squadFacts(),
      admission: this.#placement.admission(),
      parents: this.#store.parents(id),
      ahead: task.state === 'ready' ? this.#store.ahead(id) : 0,
    })
  }

  #agent(id: string): Explanation {
    const agent = this.#roster.get(id)
    return explainAgent(
      this.#placement.agentFacts(agent),
      this.#placement.squadFacts(),
      this.#placement.admission(),
      agent.evidence,
    )
  }
}
