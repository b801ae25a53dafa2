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
