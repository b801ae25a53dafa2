import type { Config } from '../../src/supervisor/domain/config.ts'
import type { Outcome } from '../../src/supervisor/domain/task.ts'

/** One time that a breaker was not closed: attempts that began after `until` are its probes. */
type Period = { until: number; out: Set<string>; succeeded: number }

/**
 * An open breaker lets nothing through. A half-open one has at most `breakerHalfOpenTests` probes
 * that run or have succeeded; only one that says nothing gives its place to another.
 */
export class BreakerLaw {
  readonly #config: () => Config
  readonly #breach: (text: string) => void
  readonly #periods = new Map<string, Period>()

  constructor(config: () => Config, breach: (text: string) => void) {
    this.#config = config
    this.#breach = breach
  }

  opened(scope: string, until: number): void {
    this.#periods.set(scope, { until, out: new Set(), succeeded: 0 })
  }

  closed(scope: string): void {
    this.#periods.delete(scope)
  }

  started(key: string, scopes: readonly string[], at: number): void {
    for (const scope of scopes) {
      const period = this.#periods.get(scope)
      if (!period) continue
      if (at < period.until) this.#breach(`${key} began while the breaker of ${scope} was open`)
      period.out.add(key)
      const passed = period.out.size + period.succeeded
      const most = this.#config().breakerHalfOpenTests
      if (passed > most) this.#breach(`${key} is probe ${passed} of at most ${most} of ${scope}`)
    }
  }

  ended(key: string, outcome: Outcome | null): void {
    for (const period of this.#periods.values())
      if (period.out.delete(key) && outcome === 'succeeded') period.succeeded += 1
  }
}
