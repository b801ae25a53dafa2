import type { Config } from '../../src/supervisor/domain/config.ts'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'

type Settings = Pick<Config, 'restartIntensity' | 'restartPeriodMs'>

/** No window of `restartPeriodMs` has more than `restartIntensity` restarts of one agent's host. */
export class RestartLaw {
  readonly #config: () => Settings
  readonly #breach: (text: string) => void
  readonly #starts = new Map<string, number[]>()

  constructor(config: () => Settings, breach: (text: string) => void) {
    this.#config = config
    this.#breach = breach
  }

  /** Someone, or the next supervisor, starts the agent: what was before does not count. */
  forgive(agentId: string): void {
    this.#starts.delete(agentId)
  }

  forgiveAll(): void {
    this.#starts.clear()
  }

  restarted({ agentId = '', at, data }: SquadEvent): void {
    const { restartIntensity, restartPeriodMs } = this.#config()
    const start = at + Number(data['inMs'])
    const starts = [...(this.#starts.get(agentId) ?? []), start]
    this.#starts.set(agentId, starts)
    const within = starts.filter((one) => one > start - restartPeriodMs).length
    if (within > restartIntensity)
      this.#breach(`${agentId} has ${within} restarts within ${restartPeriodMs} ms`)
  }
}
