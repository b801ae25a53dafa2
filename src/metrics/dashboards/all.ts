import { agents } from './agents.ts'
import { cost } from './cost.ts'
import type { Design } from './dashboard.ts'
import { host } from './host.ts'
import { overview } from './overview.ts'
import { queue } from './queue.ts'

/** Every dashboard of squadd. */
export const designs: readonly Design[] = [overview, queue, agents, cost, host]
