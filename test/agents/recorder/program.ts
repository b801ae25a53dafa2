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
