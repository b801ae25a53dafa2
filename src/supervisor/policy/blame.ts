import type { Verdict } from '../domain/message.ts'
import type { Cause } from '../domain/task.ts'

/** Whose breaker an attempt counts for. */
export type Blame = 'success' | 'agent' | 'program' | 'nobody'

/** What is wrong with the program's account or service is the same for every agent that runs it. */
const blameOf: Record<Cause, Blame> = {
  auth: 'program',
  quota: 'program',
  rate_limit: 'program',
  overloaded: 'program',
  context_overflow: 'nobody',
  refused: 'nobody',
  agent_error: 'agent',
  spawn_failed: 'agent',
  bad_config: 'agent',
  worktree_missing: 'agent',
  git_locked: 'agent',
  crashed: 'agent',
  oom_killed: 'agent',
  stalled: 'agent',
  timed_out: 'nobody',
}

/** Whom an outcome speaks for or against; what was stopped from outside says nothing. */
export function blame({ outcome, cause }: Pick<Verdict, 'outcome' | 'cause'>): Blame {
  if (outcome === 'succeeded') return 'success'
  if (outcome !== 'failed') return 'nobody'
  return cause === null ? 'agent' : blameOf[cause]
}

/** The task is not to blame, and must not pay for it with one of its attempts. */
export const isProgramWide = (cause: Cause | null): boolean =>
  cause !== null && blameOf[cause] === 'program'
