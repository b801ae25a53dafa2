import type { AgentSignal, AgentState } from './domain/agent.ts'
import { nextAgentState } from './domain/agent.ts'
import { SquadError } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import type { Evidence } from './domain/task.ts'
import type { Clock } from './domain/time.ts'

type Waiter = { until: () => boolean; resolve: () => void; reject: (error: Error) => void }

/** The state of one agent, with the evidence for it; moves along the one table only. */
export class AgentLife {
  #id: string
  readonly #clock: Clock
  readonly #happened: (event: NewEvent) => void
  #state: AgentState = 'stopped'
  #reason: string | null = null
  #evidence: Evidence[] = []
  #since: number
  #waiters: Waiter[] = []

  constructor(id: string, clock: Clock, happened: (event: NewEvent) => void) {
    this.#id = id
    this.#clock = clock
    this.#since = clock.now()
    this.#happened = happened
  }

  get id(): string {
    return this.#id
  }

  rename(id: string): void {
    this.#id = id
  }

  get state(): AgentState {
    return this.#state
  }

  get reason(): string | null {
    return this.#reason
  }

  get evidence(): Evidence[] {
    return this.#evidence
  }

  /** `source` is where we know it from. Throws SQUADD_CONFLICT for a move that is not in the table. */
  move(signal: AgentSignal, reason: string, source: string): void {
    const from = this.#state
    const to = nextAgentState(from, signal)
    if (to === undefined)
      throw new SquadError('SQUADD_CONFLICT', `agent ${this.#id} is ${from}: it cannot ${signal}`, {
        hint: `look at squadd agent show ${this.#id}`,
      })
    this.#state = to
    this.#reason = reason
    const now = this.#clock.now()
    this.#evidence = [{ source, at: now, detail: reason }]
    const data = { from, to, reason, stayedMs: now - this.#since }
    this.#since = now
    this.#happened({ type: 'AgentStateChanged', agentId: this.#id, data })
    this.look()
  }

  /** Resolves when `until` holds. Rejects when the agent fails first. */
  until(until: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until, resolve, reject })
      this.look()
    })
  }

  /** Something that others wait for may have changed. */
  look(): void {
    this.#waiters = this.#waiters.filter(({ until, resolve, reject }) => {
      if (until()) resolve()
      else if (this.#state === 'failed') reject(this.#failed())
      else return true
      return false
    })
  }

  #failed(): SquadError {
    return new SquadError('SQUADD_CONFLICT', `agent ${this.#id} failed: ${this.#reason}`, {
      hint: `squadd agent reset ${this.#id} starts it again`,
    })
  }
}
