import { messageOf } from '../domain/error.ts'
import type { CheckName } from './checks.ts'
import { checks } from './checks.ts'
import type { Judgement } from './judgement.ts'
import { warn } from './judgement.ts'
import type { Place } from './place.ts'
import { agentProbes } from './probes/agents.ts'
import { environmentProbes } from './probes/environment.ts'
import { homeProbes } from './probes/home.ts'
import { machineProbes } from './probes/machine.ts'
import { storeProbes } from './probes/store.ts'

/** One check and what it says. */
export type Finding = { name: CheckName } & Judgement

/** Looks at everything once, the daemon up or down; it changes nothing. */
export function examine(place: Place): Promise<Finding[]> {
  const probes = {
    ...homeProbes(place),
    ...storeProbes(place),
    ...agentProbes(place),
    ...machineProbes(place),
    ...environmentProbes(place),
  }
  const names = Object.keys(checks) as CheckName[]
  return Promise.all(
    names.map(async (name) => ({ name, ...(await judge(checks[name], probes[name])) })),
  )
}

async function judge(check: unknown, probe: () => unknown): Promise<Judgement> {
  try {
    return (check as (facts: unknown) => Judgement)(await probe())
  } catch (error) {
    const problem = messageOf(error)
    return warn(`cannot be told here: ${problem}`, 'look at it yourself')
  }
}

export const isWell = (findings: readonly Finding[]): boolean =>
  findings.every(({ status }) => status !== 'fail')
