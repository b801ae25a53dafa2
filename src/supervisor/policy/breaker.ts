import { invalid } from '../domain/error.ts'

export type BreakerConfig = {
  /** Failures in a row that open it. Default 3. */
  maxFailures: number
  /** How long it stays open. Default 30 s. */
  resetTimeoutMs: number
  /** Probes that half-open lets through, and successes that close it. Default 2. */
  halfOpenTests: number
}

export const breakerDefaults: Readonly<BreakerConfig> = Object.freeze({
  maxFailures: 3,
  resetTimeoutMs: 30_000,
  halfOpenTests: 2,
})

/** A breaker as plain data. */
export type Breaker =
  | { kind: 'closed'; failures: number }
  | { kind: 'open'; until: number }
  /**
   * What was let through from `since` on is a probe. `admitted`: probes that have not failed;
   * `succeeded`: how many came back well.
   */
  | { kind: 'half-open'; since: number; admitted: number; succeeded: number }

export type BreakerState = Breaker['kind']

export const closedBreaker: Breaker = Object.freeze({ kind: 'closed', failures: 0 })
const halfOpen = (since: number): Breaker => ({
  kind: 'half-open',
  since,
  admitted: 0,
  succeeded: 0,
})

/** The breaker as time has left it: an open one is half-open from `until` on. */
export const breakerAt = (breaker: Breaker, now: number): Breaker =>
  breaker.kind === 'open' && now >= breaker.until ? halfOpen(breaker.until) : breaker

/** May one more go through now? Takes no place: `admit` does. */
export function mayPass(breaker: Breaker, { halfOpenTests }: BreakerConfig, now: number): boolean {
  const present = breakerAt(breaker, now)
  if (present.kind === 'half-open') return present.admitted < halfOpenTests
  return present.kind === 'closed'
}

/** Lets one through, or does not. Half-open lets through `halfOpenTests` probes and no more. */
export function admit(
  breaker: Breaker,
  config: BreakerConfig,
  now: number,
): { admitted: boolean; breaker: Breaker } {
  const present = breakerAt(breaker, now)
  if (!mayPass(present, config, now)) return { admitted: false, breaker: present }
  if (present.kind !== 'half-open') return { admitted: true, breaker: present }
  return { admitted: true, breaker: { ...present, admitted: present.admitted + 1 } }
}

/** Half-open closes after `halfOpenTests` successes; closed forgets its failures. */
export function afterSuccess(breaker: Breaker, config: BreakerConfig, now: number): Breaker {
  const present = breakerAt(breaker, now)
  if (present.kind === 'open') return present
  if (present.kind === 'closed') return closedBreaker
  const succeeded = present.succeeded + 1
  if (succeeded >= config.halfOpenTests) return closedBreaker
  return { ...present, admitted: Math.max(present.admitted, succeeded), succeeded }
}

/**
 * Closed opens after `maxFailures` in a row, half-open at once; open stays, and longer if this
 * failure says so. `until`: an instant the failure itself names, such as when a quota resets; it
 * opens at once. Default `now + resetTimeoutMs`.
 */
export function afterFailure(
  breaker: Breaker,
  { maxFailures, resetTimeoutMs }: BreakerConfig,
  now: number,
  until?: number,
): Breaker {
  const present = breakerAt(breaker, now)
  if (present.kind === 'open')
    return until === undefined ? present : { kind: 'open', until: Math.max(present.until, until) }
  if (present.kind === 'closed' && until === undefined && present.failures + 1 < maxFailures)
    return { kind: 'closed', failures: present.failures + 1 }
  return { kind: 'open', until: until ?? now + resetTimeoutMs }
}

/** A probe that ended without saying anything (cancelled, preempted) gives its place back. */
export function afterNothing(breaker: Breaker, now: number): Breaker {
  const present = breakerAt(breaker, now)
  if (present.kind !== 'half-open') return present
  return { ...present, admitted: Math.max(present.succeeded, present.admitted - 1) }
}

/**
 * A circuit breaker: closed lets all through, open none, half-open `halfOpenTests` probes; that many
 * successes close it, one failure opens it again. `now`: wall-clock milliseconds.
 * Throws SQUADD_INVALID for a setting out of range.
 */
export class CircuitBreaker {
  readonly #config: BreakerConfig
  readonly #now: () => number
  #breaker = closedBreaker

  constructor(config: Partial<BreakerConfig>, now: () => number) {
    this.#config = { ...breakerDefaults, ...config }
    for (const [name, value] of Object.entries(this.#config))
      if (!Number.isSafeInteger(value) || value < 1)
        throw invalid(name, value, 'is out of range', 'use a whole number from 1 on')
    this.#now = now
  }

  get state(): BreakerState {
    return breakerAt(this.#breaker, this.#now()).kind
  }

  /** May this one go through? In half-open a yes takes the place of a probe. */
  canExecute(): boolean {
    const { admitted, breaker } = admit(this.#breaker, this.#config, this.#now())
    this.#breaker = breaker
    return admitted
  }

  recordSuccess(): void {
    this.#breaker = afterSuccess(this.#breaker, this.#config, this.#now())
  }

  recordFailure(): void {
    this.#breaker = afterFailure(this.#breaker, this.#config, this.#now())
  }

  /** What was let through ended without success or failure: its place is free again. */
  recordAborted(): void {
    this.#breaker = afterNothing(this.#breaker, this.#now())
  }

  /** An open breaker lets probes through before its time; nothing in other states. */
  transitionToHalfOpen(): void {
    if (this.state === 'open') this.#breaker = halfOpen(this.#now())
  }
}
