import type { Program } from '../home.ts'
import type { Line } from './recording.ts'

/** The places of one recording. */
export type Place = {
  home: string
  tree: string
  outbox: string
  /** For files that we give to the program. */
  ours: string
}

/** How a program is started with hooks that write into the outbox, and how its signals are read. */
export type Recorded = {
  program: Program
  version: string
  /** Writes the hooks' configuration; answers what the environment needs besides. */
  prepare(place: Place): Record<string, string>
  /** The user's own hook at the end of a turn, which blocks once and sends `reason` back. */
  blockOnce?(place: Place, reason: string): void
  launch(place: Place, session: string): string[]
  resume(place: Place, session: string): string[]
  headless(place: Place, session: string): string[]
  headlessResume(place: Place, session: string): string[]
  /** What a person's id of the session is, from what came. */
  sessionOf(lines: readonly Line[], given: string): string
  ready: RegExp
  /** The hook without which a prompt would be lost, whatever the screen shows. */
  readyHook?: string
  submitted: string
  /** The screen of a permission dialog, and the keys for it. */
  dialog: RegExp
  yes: string[]
  no: string[]
  /** Keys that interrupt. */
  escape: string[]
  exit: string[]
  /** A directive for a command that asks. */
  asking(command: string): string
  background?: string
  transcripts: string
  /** Lines of a transcript that say nothing about a turn. */
  padding: RegExp
  statuses?: string
  /** Whether the turn looks over, from the lines since the prompt and the title. */
  over(lines: readonly Line[], title: string): boolean
}

/** A hook: its input becomes a file in the outbox, which appears whole. */
export const hookCommand = (outbox: string, event: string): string =>
  `t='${outbox}'/.t$$; cat >"$t" && mv "$t" '${outbox}'/${event}.$$.json`

/** A hook of the user's that blocks the first time. */
export const blockingCommand = (flag: string, decision: string, reason: string): string => {
  const answer = JSON.stringify({ decision, reason })
  return `cat >/dev/null; test -e '${flag}' && exit 0; touch '${flag}'; sleep 0.3; printf '%s' '${answer}'`
}
