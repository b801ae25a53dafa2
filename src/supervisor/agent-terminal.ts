import { SquadError } from './domain/error.ts'
import type { HostLink } from './host-link.ts'

const screenTimeoutMs = 5000
// A person who types goes first: then the text waits.
const typingTimeoutMs = 30_000

/** What stands on the screen of an agent's program. */
export const screenOf = async (link: HostLink): Promise<string> =>
  (await link.ask<'screen'>({ kind: 'screen' }, screenTimeoutMs)).text

/**
 * Answers what an agent's program asks, or types a text into it, as a person would. Throws
 * SQUADD_CONFLICT when that cannot be.
 */
export async function typeInto(
  link: HostLink,
  what: { kind: 'answer'; choice: string } | { kind: 'type'; text: string },
): Promise<void> {
  const { problem } = await (what.kind === 'answer'
    ? link.ask<'answer'>(what, typingTimeoutMs)
    : link.ask<'type'>(what, typingTimeoutMs))
  if (problem) throw new SquadError('SQUADD_CONFLICT', problem.message, { hint: problem.hint })
}
