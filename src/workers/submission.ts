import type { LiveProgram } from './live-program.ts'
import { covered } from './typist.ts'
import type { Typist } from './typist.ts'

/** A program in use by a person, or by a turn of theirs, is waited for this long. */
const freeLimitMs = 60_000
/** From Enter to the program's own word that it has the prompt; then Enter once more. */
const proofMs = 3000
const enters = 4

/** What the submission of a prompt needs of its turn. */
export type SubmissionPorts = {
  live: LiveProgram
  typist: Typist
  prompt: string
  /** The prompt as it is typed. */
  typed: string
  /** The turn has ended, or is to end: nothing more is typed. */
  isOver: () => boolean
  /** Resolves when the program says that it has the prompt, at the latest after `withinMs`. */
  isSubmitted: (withinMs: number) => Promise<boolean>
  /** From now on a part of it may be in the box. */
  begin: () => void
  /** Enter is being pressed. */
  enter: () => void
}

/** It was not taken, or nobody knows. */
export type Unsubmitted = { kind: 'not-started' | 'lost'; reason: string }

/**
 * Types a prompt and proves that the program has it; never into a program in use. The answer is null
 * where it has it, or where the turn was over before.
 */
export async function submit(ports: SubmissionPorts): Promise<Unsubmitted | null> {
  const { live, typist, prompt, isOver, begin, enter } = ports
  const obstacle = await typist.untilFree(freeLimitMs, isOver)
  if (isOver()) return null
  // A start of its own shows the box again; the conversation goes on.
  if (obstacle === covered) await live.end(obstacle)
  if (obstacle !== null) return { kind: 'not-started', reason: obstacle }
  if (!(await typist.clear()))
    return { kind: 'not-started', reason: 'a text stays in its input box' }
  begin()
  const isThere = await typist.paste(prompt)
  if (!isThere || isOver()) return takeBack(ports)
  enter()
  await typist.press('Enter')
  return prove(ports, enters)
}

/** Waits for the proof of submission; an Enter that was swallowed is pressed again. */
export async function prove(ports: SubmissionPorts, tries: number): Promise<Unsubmitted | null> {
  const { typist, typed, isSubmitted } = ports
  for (let i = 1; i <= tries; i++) {
    if (await isSubmitted(proofMs)) return null
    // At a dialog Enter would approve: only where our text waits for it.
    if (!(await typist.holds(typed))) break
    if (i < tries) await typist.press('Enter')
  }
  if (await isSubmitted(proofMs)) return null
  if (await typist.holds(typed)) return takeBack(ports)
  return { kind: 'lost', reason: 'it was typed, and nothing tells what came of it' }
}

/** Everything that was typed is still in the box. */
async function takeBack({ typist }: SubmissionPorts): Promise<Unsubmitted> {
  await typist.clear()
  return { kind: 'not-started', reason: 'the program did not take the prompt' }
}
