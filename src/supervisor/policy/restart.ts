import type { Random } from '../domain/time.ts'
import { backoffDelayMs } from './backoff.ts'

/** At most `intensity` restarts begin within any `periodMs`. */
export type Brake = { intensity: number; periodMs: number }

/** `history`: when restarts begin, to be handed in the next time. */
export type RestartDecision =
  | { kind: 'restart'; afterMs: number; history: number[]; reason: string }
  | { kind: 'giveUp'; history: number[]; reason: string }

const backoff = { baseMs: 200, maxMs: 30_000, factor: 2 }

/**
 * What to do with a host that died at `now`: start it again, or give it up. The first restart of a
 * period is at once, as most deaths are accidents; then the wait grows (full jitter, 200 ms doubling
 * up to 30 s). Never more than `intensity` restarts begin within any window of `periodMs`, however
 * long the waits are.
 */
export function decideRestart(
  history: readonly number[],
  now: number,
  { intensity, periodMs }: Brake,
  random: Random,
): RestartDecision {
  // A clock that was set back leaves restarts that seem to come: they are not held against anyone.
  const recent = history.filter((at) => at > now - periodMs && at <= now + backoff.maxMs)
  const afterMs = recent.length === 0 ? 0 : backoffDelayMs(recent.length, backoff, random)
  const at = now + afterMs
  const within = recent.filter((earlier) => earlier > at - periodMs).length
  if (within >= intensity)
    return {
      kind: 'giveUp',
      history: recent,
      reason: `${within} restarts within ${periodMs} ms did not help`,
    }
  return {
    kind: 'restart',
    afterMs,
    history: [...recent, at],
    reason: `restart ${within + 1} of at most ${intensity} within ${periodMs} ms`,
  }
}
