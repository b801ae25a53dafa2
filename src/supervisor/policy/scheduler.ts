import type { Config } from '../domain/config.ts'
import type { TaskSpec } from '../domain/task.ts'

export type Patience = Pick<
  Config,
  'patienceCriticalMs' | 'patienceHighMs' | 'patienceNormalMs' | 'patienceLowMs'
>

/**
 * The place of a task in the queue, lower first, fixed when it is stored: priority, ageing and
 * deadline in one number. A task is overtaken only by tasks stored within the difference of their
 * patience, so none starves.
 */
export function rankOf(
  spec: Pick<TaskSpec, 'priority' | 'deadlineAt'>,
  createdAt: number,
  patience: Patience,
): number {
  const due = createdAt + patienceOf(spec.priority, patience)
  // A deadline makes a task at most as urgent as a critical one: late ones must not starve the rest.
  const soonest = createdAt + patience.patienceCriticalMs
  return spec.deadlineAt === null ? due : Math.min(due, Math.max(spec.deadlineAt, soonest))
}

function patienceOf(priority: TaskSpec['priority'], patience: Patience): number {
  switch (priority) {
    case 'critical':
      return patience.patienceCriticalMs
    case 'high':
      return patience.patienceHighMs
    case 'normal':
      return patience.patienceNormalMs
    case 'low':
      return patience.patienceLowMs
  }
}

/** Which agents may take a task, as one canonical text: `any`, `agent:a+b`, `label:x+y`, or both. */
export function laneOf(spec: Pick<TaskSpec, 'affinity' | 'affinityMode' | 'require'>): string {
  const parts: string[] = []
  if (spec.affinityMode === 'required') parts.push(`agent:${[...spec.affinity].sort().join('+')}`)
  if (spec.require.length > 0) parts.push(`label:${[...spec.require].sort().join('+')}`)
  return parts.join(';') || 'any'
}

/** May this agent take tasks of that lane? */
export function serves(agent: { id: string; labels: readonly string[] }, lane: string): boolean {
  if (lane === 'any') return true
  return lane.split(';').every((part) => {
    const names = part.slice(part.indexOf(':') + 1).split('+')
    if (part.startsWith('agent:')) return names.includes(agent.id)
    return names.every((name) => agent.labels.includes(name))
  })
}
