import type { Clock, Random } from './domain/time.ts'
import { backoffDelayMs } from './policy/backoff.ts'
import type { AgentOrders } from './agent-orders.ts'
import type { Roster } from './roster.ts'

const backoff = { baseMs: 30_000, maxMs: 3_600_000, factor: 2 }
// Half of a wait is certain: a broken agent must not be tried at once again.
const certain = 0.5

/** Brings failed agents back by themselves: each time after a longer wait, with jitter. */
export class Recovery {
  readonly #clock: Clock
  readonly #random: Random
  readonly #squad: { roster: Roster; orders: AgentOrders }
  readonly #isEnabled: () => boolean
  readonly #tries = new Map<string, number>()
  readonly #timers = new Map<string, () => void>()

  constructor(
    clock: Clock,
    random: Random,
    squad: { roster: Roster; orders: AgentOrders },
    isEnabled: () => boolean,
  ) {
    this.#clock = clock
    this.#random = random
    this.#squad = squad
    this.#isEnabled = isEnabled
  }

  /** An agent has failed; the answer is when it will be tried again, or null. */
  failed(id: string): number | null {
    if (!this.#isEnabled()) return null
    const nth = (this.#tries.get(id) ?? 0) + 1
    this.#tries.set(id, nth)
    const ceiling = backoffDelayMs(nth, backoff, () => 1)
    const waitMs = Math.round(ceiling * (certain + (1 - certain) * this.#random()))
    this.#timers.get(id)?.()
    this.#timers.set(
      id,
      this.#clock.after(waitMs, () => {
        // It was reset or removed meanwhile, or it fails again and says so itself.
        const { roster, orders } = this.#squad
        if (roster.has(id) && roster.get(id).state === 'failed') orders.reset(id).catch(() => {})
      }),
    )
    return this.#clock.now() + waitMs
  }

  /** It has done a task: what was before is forgiven. */
  succeeded(id: string): void {
    this.#tries.delete(id)
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel()
  }
}
