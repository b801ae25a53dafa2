import type { EventType, NewEvent } from './event.ts'

export const totalNames = [
  'submitted',
  'finished',
  'attempts',
  'causes',
  'restarts',
  'readopted',
  'orphans',
  'questions',
  'late_results',
  'leases_expired',
  'fenced_writes',
  'events',
  /** By `delivered` and `given_up`. */
  'notifications',
  'tokens',
  'cost_micro_usd',
  'queue_wait',
  'task_duration',
  'waiting',
] as const
/** What the store counts for as long as it lives. */
export type TotalName = (typeof totalNames)[number]

/** A total, a whole number. `label`: the values of its labels, with a space between. */
export type Total = { name: TotalName; label: string; by: number }

/** Upper bounds in seconds; changing them begins the histograms anew. */
export const waitBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400] as const
export const durationBuckets = [
  1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800,
] as const
export const questionBuckets = [1, 5, 15, 60, 300, 900, 1800, 3600, 14_400, 86_400] as const

type Data = Record<string, unknown>

/** What an event adds to the totals. The store writes both in one transaction, so they agree. */
export function totalsOf({ type, data = {} }: NewEvent): Total[] {
  return [one('events', type), ...(rules[type]?.(data) ?? [])]
}

const rules: Partial<Record<EventType, (data: Data) => Total[]>> = {
  TaskSubmitted: ({ priority }) => [one('submitted', priority)],
  TaskStarted: ({ priority, waitMs }) => spread('queue_wait', [priority], waitMs, waitBuckets),
  TaskCompleted: (data) => [one('finished', 'completed'), ...attempt(data)],
  TaskFailed: (data) => [one('finished', 'failed'), ...attempt(data)],
  TaskCancelled: (data) => [one('finished', 'cancelled'), ...attempt(data)],
  TaskHeld: attempt,
  TaskRetried: attempt,
  TaskLateResult: () => [one('late_results')],
  AgentRestarted: ({ kind }) => [one('restarts', kind)],
  AgentStateChanged: ({ from, to, stayedMs }) => [
    ...(from === 'starting' && to === 'running' ? [one('readopted')] : []),
    ...(from === 'waiting' ? spread('waiting', [], stayedMs, questionBuckets) : []),
  ],
  // Told again when nobody answered: that is no new question.
  AgentWaiting: ({ waitedMs }) => (waitedMs === undefined ? [one('questions')] : []),
  OrphansKilled: ({ count }) => add('orphans', [], count),
}

/** The end of an attempt. A task that was cancelled or held while it waited has none. */
function attempt({ outcome, cause, program, durationMs, usage, leaseExpired }: Data): Total[] {
  if (typeof outcome !== 'string') return []
  const { inputTokens, outputTokens, costUsd } = (usage ?? {}) as Data
  return [
    one('attempts', outcome),
    ...(typeof cause === 'string' ? [one('causes', cause)] : []),
    ...(leaseExpired === true ? [one('leases_expired')] : []),
    // An agent that is gone has no program any more.
    ...(typeof program === 'string'
      ? [
          ...spread('task_duration', [program, outcome], durationMs, durationBuckets),
          ...add('tokens', [program, 'input'], inputTokens),
          ...add('tokens', [program, 'output'], outputTokens),
          ...add('cost_micro_usd', [program], Number(costUsd ?? 0) * 1e6),
        ]
      : []),
  ]
}

const one = (name: TotalName, label: unknown = ''): Total => ({ name, label: String(label), by: 1 })

function add(name: TotalName, labels: readonly unknown[], by: unknown): Total[] {
  const whole = Math.round(Number(by))
  return whole > 0 ? [{ name, label: labels.join(' '), by: whole }] : []
}

/** An observation of a histogram: one more in its bucket, and the sum, in ms. */
function spread(
  name: TotalName,
  labels: readonly unknown[],
  ms: unknown,
  buckets: readonly number[],
): Total[] {
  const length = Math.max(0, Number(ms))
  if (!Number.isFinite(length)) return []
  const bound = buckets.find((upper) => length <= upper * 1000) ?? '+Inf'
  return [...add(name, [...labels, bound], 1), ...add(name, [...labels, 'sum'], length)]
}
