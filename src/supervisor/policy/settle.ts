import type { Verdict } from '../domain/message.ts'
import type { Settlement } from '../domain/ports.ts'
import type { Cause, Task } from '../domain/task.ts'
import type { Random } from '../domain/time.ts'
import { backoffDelayMs } from './backoff.ts'
import { isProgramWide } from './blame.ts'

/** May the same task succeed on another try without anyone changing anything, and why. */
export const retryTable: Record<Cause, { retry: boolean; why: string }> = {
  auth: { retry: true, why: 'the breaker of the program waits until someone has logged in' },
  quota: { retry: true, why: 'the breaker of the program waits until it resets' },
  rate_limit: { retry: true, why: 'it passes after a while' },
  overloaded: { retry: true, why: 'the service recovers by itself' },
  context_overflow: { retry: false, why: 'the same prompt is too long again' },
  refused: { retry: false, why: 'the model would refuse again' },
  agent_error: { retry: true, why: 'a program may do better the next time' },
  spawn_failed: { retry: true, why: 'the machine was out of processes, files or memory just then' },
  bad_config: { retry: false, why: 'a person has to mend the command or its settings' },
  worktree_missing: { retry: true, why: 'another agent has one, or this one gets it again' },
  git_locked: { retry: true, why: 'the other git lets go' },
  crashed: { retry: true, why: 'it may have been an accident' },
  oom_killed: { retry: true, why: 'memory may be free later' },
  stalled: { retry: true, why: 'a program may do better the next time' },
  timed_out: { retry: true, why: 'it may be faster the next time' },
}

const failureBackoff = { baseMs: 1000, maxMs: 300_000, factor: 2 }
const notStartedBackoff = { baseMs: 100, maxMs: 5000, factor: 2 }

type Settled = Pick<Task, 'spec' | 'want' | 'attempt' | 'fence'>

/**
 * What becomes of a task after an attempt: the one place that says who is retried.
 * - Success is recorded, even where a cancel was wanted; a wanted cancel wins over all else.
 * - What was interrupted for another (`preempted`) or never ran (`not_started`) goes back uncounted,
 *   the latter after 100 ms doubling up to 5 s. How often in all, policy/caps.ts says.
 * - A failure of the program's account or service (policy/blame.ts) is not the task's: it goes back
 *   uncounted, when the failure says it may, else after the wait of a failure that may pass.
 * - A failure that may pass (`retryTable`) is tried again while `attempt <= retries`, after 1 s
 *   doubling up to 5 min; both waits with full jitter.
 * - `unknown` may have done its work: held, or with `onUnknown: 'retry'` treated like such a failure
 *   while retries are left.
 */
export function settle(
  task: Settled,
  verdict: Pick<Verdict, 'outcome' | 'cause' | 'reason' | 'retryAt'>,
  now: number,
  random: Random,
): Settlement {
  const { outcome, reason } = verdict
  const mayTryAgain = task.attempt <= task.spec.retries
  if (outcome === 'succeeded') return { signal: 'succeed' }
  if (outcome === 'cancelled' || task.want === 'cancelled') return { signal: 'cancel', reason }
  switch (outcome) {
    case 'preempted':
      return { signal: 'giveBack', reason, counts: false }
    case 'not_started':
      return settleNotStarted(task, reason, now, random)
    case 'unknown':
      if (task.spec.onUnknown !== 'retry' || !mayTryAgain) return { signal: 'hold', reason }
      return tryAgain(task, reason, now, random)
    case 'failed':
    case 'timed_out': {
      if (outcome === 'failed' && isProgramWide(verdict.cause))
        return settleProgramWide(task, verdict, now, random)
      if (!mayTryAgain) return { signal: 'fail', reason }
      const { retry, why } = retryTable[verdict.cause ?? causeOf[outcome]]
      if (!retry) return { signal: 'fail', reason: `${reason}; not tried again: ${why}` }
      return tryAgain(task, reason, now, random)
    }
  }
}

const causeOf = { failed: 'agent_error', timed_out: 'timed_out' } as const

function tryAgain(task: Settled, reason: string, now: number, random: Random): Settlement {
  const waitMs = backoffDelayMs(task.attempt, failureBackoff, random)
  return { signal: 'backOff', reason, notBeforeAt: now + waitMs, counts: true }
}

function settleProgramWide(
  task: Settled,
  { reason, retryAt }: Pick<Verdict, 'reason' | 'retryAt'>,
  now: number,
  random: Random,
): Settlement {
  const uncounted = Math.max(0, task.fence - task.attempt)
  const waitMs = backoffDelayMs(uncounted + 1, failureBackoff, random)
  return { signal: 'backOff', reason, notBeforeAt: retryAt ?? now + waitMs, counts: false }
}

function settleNotStarted(task: Settled, reason: string, now: number, random: Random): Settlement {
  // Claims before this one that did not count: all that a task tells of them.
  const uncounted = Math.max(0, task.fence - task.attempt)
  const waitMs = backoffDelayMs(uncounted + 1, notStartedBackoff, random)
  return { signal: 'backOff', reason, notBeforeAt: now + waitMs, counts: false }
}
