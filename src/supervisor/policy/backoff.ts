import type { Random } from '../domain/time.ts'

/** `baseMs`: the longest first wait. `factor`: how it grows. `maxMs`: where it stops growing. */
export type Backoff = { baseMs: number; maxMs: number; factor: number }

/**
 * How long to wait before try `attempt + 1`, `attempt` failures in a row (1, 2, …): full jitter, any
 * whole number of ms from 0 to min(maxMs, baseMs × factor^(attempt - 1)), each as likely.
 */
export function backoffDelayMs(
  attempt: number,
  { baseMs, maxMs, factor }: Backoff,
  random: Random,
): number {
  const ceiling = Math.floor(Math.min(maxMs, baseMs * factor ** Math.max(0, attempt - 1)))
  return Math.floor(random() * (ceiling + 1))
}
