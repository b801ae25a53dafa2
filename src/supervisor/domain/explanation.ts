import type { Evidence } from './task.ts'

/** One thing that is so, in words; `until` when it is known how long, ms since 1970. */
export type Reason = { code: string; text: string; until: number | null }

/** Why a task or an agent is as it is, and what would have to change. */
export type Explanation = {
  subject: string
  state: string
  /** One sentence. */
  summary: string
  /** When it came into this state, ms since 1970. */
  since: number
  /** Everything that is in the way, the most telling first. */
  reasons: Reason[]
  /** What a person can do; empty when nothing is needed. */
  wayOut: string[]
  evidence: Evidence[]
}
