import type { Facts } from './outbox.ts'
import type { Ended } from './verdict.ts'

/**
 * The life of an attempt in its host, whole. ending: it has ended, evidence is gathered · reported:
 * the verdict is out, until the store answers · cleaned: nothing is left of it.
 */
export const attemptTransitions = {
  launching: { started: 'running', ended: 'ending' },
  running: { ended: 'ending' },
  ending: { judged: 'reported' },
  reported: { recorded: 'cleaned' },
  cleaned: {},
} as const satisfies Record<string, Record<string, string>>

export type AttemptState = keyof typeof attemptTransitions
export type AttemptSignal = {
  [S in AttemptState]: keyof (typeof attemptTransitions)[S]
}[AttemptState]

/** The state after `signal`, or undefined where the table does not allow it. */
export function nextAttemptState(
  state: AttemptState,
  signal: AttemptSignal,
): AttemptState | undefined {
  return (attemptTransitions[state] as Partial<Record<AttemptSignal, AttemptState>>)[signal]
}

export type Sighting = {
  facts: Facts
  /** Its launch was prepared, the place for its exit first of all. */
  isLaunched: boolean
  /** The launcher's process, as its own fact or tmux names it. */
  isLauncherAlive: boolean
  /** The machine was started anew after the attempt was claimed. */
  isRebooted: boolean
  /** A launcher that has not begun had its time. */
  isPatienceOver: boolean
}

export type Sight =
  | { kind: 'ended'; ended: Ended }
  /** A fact or a closing window will tell. */
  | { kind: 'goes-on' }
  /** A launcher is there and may begin at any moment. */
  | { kind: 'may-begin' }
  /** Nobody runs it: take the latch, so that nobody ever will. */
  | { kind: 'take-latch' }
  /** It began and nobody is left to tell its end. */
  | { kind: 'lost'; reason: string }

/** What an attempt without news has come to. Facts only, never time alone. */
export function sightOf(sighting: Sighting): Sight {
  const { facts, isLaunched, isLauncherAlive, isRebooted, isPatienceOver } = sighting
  const { started, exit } = facts
  if (exit) return { kind: 'ended', ended: endedBy(exit) }
  if (started?.by === 'host')
    return { kind: 'ended', ended: { kind: 'not-started', reason: 'it was never started' } }
  // Without them nothing is proved any more, least of all that it never ran.
  if (isLaunched && !started && !facts.hasSlot && !isLauncherAlive)
    return { kind: 'lost', reason: 'its facts were removed while it ran' }
  if (isLaunched && !started && !facts.hasSlot) return { kind: 'goes-on' }
  if (isRebooted) return { kind: 'lost', reason: 'the machine was started anew while it ran' }
  if (started && isLauncherAlive) return { kind: 'goes-on' }
  if (started)
    return { kind: 'lost', reason: 'its launcher died before it could say how the program ended' }
  return isLauncherAlive && !isPatienceOver ? { kind: 'may-begin' } : { kind: 'take-latch' }
}

function endedBy(exit: NonNullable<Facts['exit']>): Ended {
  if ('worktree' in exit) return { kind: 'worktree-missing' }
  return { kind: 'exited', ...exit }
}
