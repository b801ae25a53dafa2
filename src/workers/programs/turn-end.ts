import type { Judgement } from './program.ts'
import type { TurnEnd } from './turn.ts'

/** It came to its end by itself, and this is what it is worth. */
export const judged = (
  { outcome, cause, reason, retryAt = null }: Judgement,
  text: string,
): TurnEnd => ({
  kind: outcome === 'succeeded' ? 'completed' : 'failed',
  ...{ cause, reason, retryAt, text },
})

/** Someone at the keyboard broke it off. */
export const brokenOff = (how = ''): TurnEnd => ({
  ...{ kind: 'interrupted', cause: null, text: '' },
  reason: `broken off${how}`,
})

/** For `brokenOff`: what it had asked; '' for nothing. */
export const atQuestion = (asked: string): string =>
  asked === '' ? '' : ` at the question: ${asked}`

/** What looked like the end, and nothing confirmed it. */
export const unproved = (reason: string, text = ''): TurnEnd => ({
  ...{ kind: 'unproved', cause: null, text },
  reason,
})

/**
 * Its program is gone. After a candidate for the end that nothing confirmed nobody knows whether the
 * turn would have gone on.
 */
export const goneAfter = (
  candidate: { text: string } | null,
  name: string,
  reason: string,
): TurnEnd =>
  candidate
    ? unproved(`${reason} after an unconfirmed ${name}`, candidate.text)
    : { ...{ kind: 'failed', cause: 'crashed', text: '' }, reason }
