import { agentRules } from './contract/agents.ts'
import { claimRules } from './contract/claim.ts'
import { commitRules } from './contract/commit.ts'
import { controlRules } from './contract/control.ts'
import { dependencyRules } from './contract/dependencies.ts'
import { enqueueRules } from './contract/enqueue.ts'
import { eventRules } from './contract/events.ts'
import { forgetRules } from './contract/forget.ts'
import { questionRules } from './contract/questions.ts'
import { recordRules } from './contract/record.ts'
import { totalRules } from './contract/totals.ts'
import type { OpenStore } from './support.ts'

/** Every rule of a store, whatever engine it stands on. */
export function storeContract(open: OpenStore): void {
  enqueueRules(open)
  dependencyRules(open)
  claimRules(open)
  recordRules(open)
  totalRules(open)
  controlRules(open)
  questionRules(open)
  agentRules(open)
  eventRules(open)
  forgetRules(open)
  commitRules(open)
}
