import { agentChecks } from './checks/agents.ts'
import { environmentChecks } from './checks/environment.ts'
import { homeChecks } from './checks/home.ts'
import { machineChecks } from './checks/machine.ts'
import { storeChecks } from './checks/store.ts'
import type { Judgement } from './judgement.ts'

/** Every check of `squadd doctor`, in the order they are shown: facts in, a judgement out. */
export const checks = {
  ...homeChecks,
  ...storeChecks,
  ...agentChecks,
  ...machineChecks,
  ...environmentChecks,
} satisfies Record<string, (facts: never) => Judgement>

export type CheckName = keyof typeof checks

/** What a check judges. */
export type FactsOf<N extends CheckName> = Parameters<(typeof checks)[N]>[0]

/** How the facts of some checks are found. One that throws leaves its check untold. */
export type Probes<N extends CheckName> = { [K in N]: () => FactsOf<K> | Promise<FactsOf<K>> }
