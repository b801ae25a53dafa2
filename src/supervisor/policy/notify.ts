import type { EventType } from '../domain/event.ts'
import type { NotificationRule } from '../domain/notification.ts'
import type { Priority } from '../domain/task.ts'
import type { Random } from '../domain/time.ts'

/** A notification that was not taken so often is given up. */
export const mostTries = 5

/** How long one try may take. */
export const tryTimeoutMs = 5000

/** More than these wait for no rule: one more is given up at once. */
export const mostWaiting = 1000

// From the first to the second try at most the base; then it grows up to an hour.
const factor = 4
const longestMs = 3_600_000
const longestStoreRetryMs = 60_000

/** Whether a rule is about an event; `priority` is that of the event's task. */
export function isToldOf(
  rule: NotificationRule,
  event: { type: EventType; agentId?: string },
  priority: Priority | null,
): boolean {
  if (!rule.on.has(event.type)) return false
  if (rule.agents && !rule.agents.has(event.agentId ?? '')) return false
  return !rule.priorities || (priority !== null && rule.priorities.has(priority))
}

/** How long to wait after so many failed tries: half of the limit and a random part of the rest. */
export function retryDelayMs(tries: number, baseMs: number, random: Random): number {
  const limit = Math.min(longestMs, baseMs * factor ** Math.max(0, tries - 1))
  return Math.round((limit / 2) * (1 + random()))
}

/** How long to leave a store alone that failed so often in a row: from a second up to a minute. */
export const storeRetryMs = (failures: number): number =>
  Math.min(longestStoreRetryMs, 1000 * 2 ** Math.max(0, failures - 1))

/** Minutes until a rule may tell something; 0 outside of its quiet hours. */
export function quietMinutes({ quiet }: NotificationRule, minuteOfDay: number): number {
  if (!quiet) return 0
  const { from, to } = quiet
  const isQuiet =
    from < to ? minuteOfDay >= from && minuteOfDay < to : minuteOfDay >= from || minuteOfDay < to
  return isQuiet ? (to - minuteOfDay + 1440) % 1440 : 0
}
