import { nearest } from '../domain/config.ts'
import { invalid } from '../domain/error.ts'
import type { BreakerConfig } from '../policy/breaker.ts'
import { breakerDefaults, CircuitBreaker as PolicyBreaker } from '../policy/breaker.ts'

/**
 * A circuit breaker: closed lets everything through, and opens after `maxFailures` (3) failures in a
 * row; open lets nothing through for `resetTimeoutMs` (30,000 ms); half-open then lets through
 * `halfOpenTests` (2) probes and no more: that many successes close it, one failure opens it again.
 *
 *     const breaker = new CircuitBreaker({ maxFailures: 3 })
 *     if (breaker.canExecute())
 *       await work().then(() => breaker.recordSuccess(), () => breaker.recordFailure())
 */
export class CircuitBreaker extends PolicyBreaker {
  /**
   * `now` tells the time in milliseconds, default `Date.now`. Throws SQUADD_INVALID for a setting
   * that is unknown or not a whole number from 1 on.
   */
  constructor(config: Partial<BreakerConfig> = {}, now: () => number = Date.now) {
    for (const name of Object.keys(config))
      if (!Object.hasOwn(breakerDefaults, name))
        throw invalid(
          'config',
          name,
          'is not a setting',
          `did you mean ${nearest(name, Object.keys(breakerDefaults))}?`,
        )
    super(config, now)
  }
}
