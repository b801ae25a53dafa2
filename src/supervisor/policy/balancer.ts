import type { LoadBalancingAlgorithm } from '../domain/config.ts'
import type { Task } from '../domain/task.ts'
import type { Random } from '../domain/time.ts'

/** An agent that may take the task, with what tells it from the others. */
export type Contender = {
  id: string
  /** 0 (free) to 1. */
  loadScore: number
  /** When it last got a task, ms since 1970; 0 = never. */
  lastAssignedAt: number
}

export type Balancer = {
  /** One of `eligible`, or null when none of them is for this task. */
  choose: (task: Pick<Task, 'spec'>, eligible: readonly Contender[]) => string | null
}

/**
 * Who gets a task. The agents of its affinity go first, in the order given; else the algorithm says:
 * - `least-loaded`: the lowest load, then the longest without a task, then the lowest id;
 * - `round-robin`: the next id after the last one it chose, in the order of ids, then from the start:
 *   over a fixed set, whenever one looks, no agent got two tasks more than another;
 * - `random`: each as likely.
 * Ids compare by code unit. With `affinityMode: 'required'` nobody else gets the task.
 */
export function createBalancer(algorithm: LoadBalancingAlgorithm, random: Random): Balancer {
  const pick = rules[algorithm](random)
  return {
    choose({ spec }, eligible) {
      const preferred = spec.affinity.find((id) => eligible.some((one) => one.id === id))
      if (preferred !== undefined) return preferred
      if (spec.affinityMode === 'required' || eligible.length === 0) return null
      return pick(eligible)
    },
  }
}

/** Picks one of at least one. */
type Rule = (eligible: readonly Contender[]) => string

const rules: Record<LoadBalancingAlgorithm, (random: Random) => Rule> = {
  'least-loaded': () => (eligible) =>
    // Each is asked for its load once.
    eligible
      .map(({ id, loadScore, lastAssignedAt }) => ({ id, loadScore, lastAssignedAt }))
      .reduce((best, one) => (compareLoad(one, best) < 0 ? one : best)).id,
  'round-robin': () => {
    let last = ''
    return (eligible) => {
      const ids = eligible.map(({ id }) => id).sort()
      last = ids.find((id) => id > last) ?? ids[0]!
      return last
    }
  },
  random: (random) => (eligible) => eligible[Math.floor(random() * eligible.length)]!.id,
}

const compareLoad = (a: Contender, b: Contender): number =>
  a.loadScore - b.loadScore || a.lastAssignedAt - b.lastAssignedAt || (a.id < b.id ? -1 : 1)
