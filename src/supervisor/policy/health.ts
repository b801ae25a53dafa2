/**
 * What the probes of one agent add up to. well: it answers · suspect: it failed to, but not often
 * enough to be called dead · dead: too many probes in a row failed.
 */
export type Health = { status: 'well' | 'suspect' | 'dead'; failures: number; successes: number }

/** Nothing is held against an agent that was never probed. */
export const unprobed: Health = { status: 'well', failures: 0, successes: 0 }

const standard = { failuresToDead: 3, successesToWell: 1 }

/**
 * The health after one more probe. One failed probe is not a death: only `failuresToDead` (default 3)
 * in a row are; `successesToWell` (default 1) in a row make it well again.
 */
export function assessProbe(
  health: Health,
  answered: boolean,
  { failuresToDead, successesToWell } = standard,
): Health {
  if (answered) {
    const successes = health.successes + 1
    const status = successes >= successesToWell ? 'well' : health.status
    return { status, failures: 0, successes }
  }
  const failures = health.failures + 1
  return { status: failures >= failuresToDead ? 'dead' : 'suspect', failures, successes: 0 }
}

/** What decides whether an agent is asked in this round. `lastCheckAt`: ms since 1970. */
export type Askable = { isResting: boolean; health: Health; lastCheckAt: number | null }

/** One that rests is asked once in so many rounds: nothing waits for it, and asking wakes it up. */
const restingRounds = 10

/**
 * Whom to ask in this round: everyone who has something to do or has failed to answer, and of the others
 * a tenth, whoever was not asked for longest.
 */
export function dueForProbe<T extends Askable>(agents: readonly T[]): T[] {
  const canWait = ({ isResting, health }: T) => isResting && health.status === 'well'
  const resting = agents
    .filter(canWait)
    .sort((a, b) => (a.lastCheckAt ?? 0) - (b.lastCheckAt ?? 0))
    .slice(0, Math.ceil(agents.filter(canWait).length / restingRounds))
  return [...agents.filter((one) => !canWait(one)), ...resting]
}
