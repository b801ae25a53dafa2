import { messageOf } from './domain/error.ts'
import type { Clock } from './domain/time.ts'

/** Whether an agent answers when it is asked, and why it was out of service. */
export class AgentHealth {
  lastCheckAt: number | null = null
  /** What was wrong at the last check. */
  problem: string | null = null
  #outage: string | null = null

  /** Asks, and notes what came of it. Throws what asking throws. */
  async check<T>(ask: () => Promise<T>, clock: Clock): Promise<T> {
    try {
      const answer = await ask()
      this.problem = null
      return answer
    } catch (error) {
      this.problem = messageOf(error)
      throw error
    } finally {
      this.lastCheckAt = clock.now()
    }
  }

  /** It is out of service until it is back. */
  out(reason: string): void {
    this.#outage = reason
  }

  /** It is usable: the answer is why it was not, or null. */
  back(): string | null {
    const reason = this.#outage
    this.#outage = null
    this.problem = null
    return reason
  }
}
