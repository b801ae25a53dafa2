import type { LiveProgram } from './live-program.ts'
import type { Terminal } from './programs/terminal.ts'
import type { Typist } from './typist.ts'

/** After an interrupt without effect it is pressed again. */
const againMs = 3000
const times = 3
const stubborn = 'it did not let itself be interrupted'

export type InterruptionPorts = { live: LiveProgram; typist: Typist; terminal: Terminal }

/** Whether the turn has come to its end; waits for that, at the most so long. */
type EndedWithin = (withinMs: number) => Promise<boolean>

/**
 * Interrupts a turn until it says that it has ended; when the grace is over, its program is ended.
 * What is not yet submitted cannot be interrupted.
 */
export async function interruptTurn(
  { live, typist, terminal }: InterruptionPorts,
  hasEnded: EndedWithin,
  isSubmitted: () => boolean,
  graceMs: number,
): Promise<void> {
  const until = performance.now() + graceMs
  for (let left = graceMs; left > 0; left = until - performance.now()) {
    if (isSubmitted()) await typist.take(terminal.interrupt).catch(() => false)
    if (!(await hasEnded(Math.min(againMs, left)))) continue
    // A prompt that was broken off at once returns to the box.
    await typist.clear().catch(() => false)
    return
  }
  await live.end(stubborn)
}

/** Ends what has been judged already; what does not let itself be interrupted is ended whole. */
export async function breakOff({ live, typist, terminal }: InterruptionPorts): Promise<void> {
  for (let i = 0; i < times && live.pid !== null; i++) {
    await typist.take(terminal.interrupt).catch(() => false)
    if (await typist.isFreeWithin(againMs)) return
  }
  await live.end(stubborn)
}
