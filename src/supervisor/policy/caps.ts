import type { Verdict } from '../domain/message.ts'
import type { Settlement } from '../domain/ports.ts'
import type { Task } from '../domain/task.ts'
import { formatDuration } from '../domain/time.ts'

type Spent = Pick<Task, 'starts' | 'spentMs' | 'spentUsd' | 'spec'>

/**
 * A task that would go back to the queue is held instead when all its attempts together have
 * reached a cap: a person decides whether it is worth more. Says which cap.
 */
export function withinCaps(
  task: Spent,
  verdict: Pick<Verdict, 'result'>,
  settlement: Settlement,
): Settlement {
  if (settlement.signal !== 'backOff' && settlement.signal !== 'giveBack') return settlement
  const cap = reachedCap(task, verdict)
  if (cap === null) return settlement
  const reason = `${cap}; the last attempt: ${settlement.reason}`
  return { signal: 'hold', reason, counts: settlement.counts }
}

function reachedCap(
  { starts, spentMs, spentUsd, spec }: Spent,
  { result }: Pick<Verdict, 'result'>,
) {
  const ms = spentMs + result.durationMs
  const usd = spentUsd + (result.usage?.costUsd ?? 0)
  if (starts >= spec.maxAttempts)
    return `it was started ${starts} times, the cap is ${spec.maxAttempts}`
  if (spec.maxWallMs !== null && ms >= spec.maxWallMs)
    return `its attempts took ${formatDuration(ms)}, the cap is ${formatDuration(spec.maxWallMs)}`
  if (spec.maxCostUsd !== null && usd >= spec.maxCostUsd)
    return `its attempts cost ${usd.toFixed(2)} USD, the cap is ${spec.maxCostUsd}`
  return null
}
