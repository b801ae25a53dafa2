import type { NewEvent } from './domain/event.ts'
import type { Clock } from './domain/time.ts'
import type { SupervisedAgent } from './supervised-agent.ts'
import type { Health } from './policy/health.ts'
import { assessProbe, dueForProbe, unprobed } from './policy/health.ts'

const answerWithinMs = 10_000

/** Asks agent hosts for a sign of life, those that rest less often; a host that hangs is replaced, its attempt adopted. */
export class HealthMonitor {
  readonly #clock: Clock
  readonly #intervalMs: () => number
  readonly #agents: () => SupervisedAgent[]
  readonly #happened: (event: NewEvent) => void
  readonly #health = new WeakMap<SupervisedAgent, Health>()
  #cancel = () => {}
  #stopped = true

  constructor(
    clock: Clock,
    intervalMs: () => number,
    agents: () => SupervisedAgent[],
    happened: (event: NewEvent) => void,
  ) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#agents = agents
    this.#happened = happened
  }

  start(): void {
    this.#stopped = false
    this.#cancel = this.#clock.after(this.#intervalMs(), () => {
      void this.sweep().finally(() => {
        if (!this.#stopped) this.start()
      })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  /** One round: whoever works, and some of those who rest. */
  async sweep(): Promise<void> {
    const askable = this.#agents()
      .filter((agent) => agent.isProbeable)
      .map((agent) => ({
        agent,
        isResting: agent.isResting,
        health: this.#health.get(agent) ?? unprobed,
        lastCheckAt: agent.health.lastCheckAt,
      }))
    await Promise.all(dueForProbe(askable).map(({ agent }) => this.check(agent).catch(() => {})))
  }

  /** Asks one agent now. Throws what is wrong with it, when that has been told. */
  async check(agent: SupervisedAgent): Promise<void> {
    const wasProbeable = agent.isProbeable
    const failure = await agent.probe(answerWithinMs).then(
      () => null,
      (error: Error) => error,
    )
    // A host that was let go meanwhile has failed nobody.
    if (failure && wasProbeable && !agent.isProbeable) throw failure
    const health = assessProbe(this.#health.get(agent) ?? unprobed, failure === null)
    this.#health.set(agent, health)
    if (!failure) return
    const reason = failure.message
    this.#happened({ type: 'HealthCheckFailed', agentId: agent.id, data: { reason } })
    if (health.status === 'dead') agent.replaceHost()
    throw failure
  }
}
