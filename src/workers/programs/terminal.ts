import type { Cause, Evidence, Usage } from '../../supervisor/domain/task.ts'
import type { Launch, Place } from './launch.ts'

/** Anything that tells about a program in its terminal. `at` is ms since 1970. */
export type Signal =
  /** A hook of ours ran. */
  | { source: 'hook'; event: string; data: Fields; at: number }
  /** A line that was added to the program's own record of the conversation. */
  | { source: 'record'; data: Fields; at: number }
  /** The program's status file, whole. */
  | { source: 'status'; data: Fields; at: number }
  /** The title of its pane, when the turn asked for it. */
  | { source: 'title'; text: string; at: number }
  /** The process is gone. */
  | { source: 'gone'; reason: string; at: number }
  /** The time the turn asked for has come; everything that had come before was told first. */
  | { source: 'clock'; at: number }

export type Fields = Readonly<Record<string, unknown>>

/** What a program asks a person. */
export type Question = { kind: 'permission' | 'question'; text: string }

/** How a turn ended. interrupted: someone at the keyboard broke it off. */
export type TurnEnd = {
  kind: 'completed' | 'failed' | 'interrupted' | 'unproved'
  cause: Cause | null
  /** One line for people. */
  reason: string
  /** The answer, or what was said instead. */
  text: string
  retryAt?: number | null
  /** The program would go on with it: it is broken off before anything else. */
  isRunning?: true
}

/** What every program's turn has; each adds its own memory. Plain data. */
export type Turn = {
  /** The prompt as it was typed. */
  readonly prompt: string
  phase: 'typed' | 'working' | 'waiting' | 'ended'
  question: Question | null
  end: TurnEnd | null
  /** When to be told the time, ms since 1970. */
  wakeAt: number | null
  /** The pane's title is needed. */
  wantsTitle: boolean
  /** The program's files that tell more: its record (lines are added), its status (is replaced). */
  record: string | null
  status: string | null
  /** The conversation's id, once the program has named it. */
  conversation: string | null
  usage: Usage | null
  evidence: Evidence[]
}

/** Signals into states of a turn; pure, so that a recording says what it would have said. */
export interface Detector<T extends Turn = Turn> {
  /** The turn that begins with typing `prompt`. `pid` is the program's process. */
  begin(prompt: string, context: TurnContext): T
  /** The turn after a signal. May change and return the one it was given. */
  next(turn: T, signal: Signal): T
}

export type TurnContext = { pid: number; env: Readonly<Record<string, string>>; now: number }

/**
 * A key by tmux's name of it, or a text to wait for on the screen. `whileShows`: a program that was
 * busy may lose a key; it is pressed again as long as what this matched stands there unchanged.
 */
export type Step = { press: string; whileShows?: RegExp } | { await: RegExp; withinMs: number }

/** What can be seen of a program from outside. */
export type TerminalFacts = { screen: string; title: string; status: Fields | null }

/** A program in its terminal. */
export interface Terminal {
  /** How it is started; it goes on with the conversation when there is one. */
  launch(place: Place): Omit<Launch, 'stdin'>
  /**
   * The screen shows that it takes a prompt, and the title that it is the program's own; `hook` is
   * the event that comes first, if one does.
   */
  readonly ready: { screen: RegExp; title?: RegExp; hook?: string }
  /** What stands in front at the start, and the key that passes it. */
  readonly greetings?: readonly { screen: RegExp; press: string }[]
  /** What a screen that will never be ready means: not logged in, a dialog that nobody answers. */
  readonly obstacles: readonly { screen: RegExp; cause: Cause; reason: string }[]
  /** What it means when it never shows anything. */
  readonly blank?: { cause: Cause; reason: string }
  /** A dialog stands where the prompt goes; looked for only where `input` finds no box. */
  readonly dialog: RegExp
  /** The text in its input box on this screen; '' when it is empty, null when there is no box. */
  input(screen: string): string | null
  /** No turn of anyone's runs: a prompt would begin one. */
  isFree(facts: TerminalFacts): boolean
  /** The file in which the program says what it does, where it keeps one. */
  readonly statusFile?: (pid: number, env: Readonly<Record<string, string>>) => string
  readonly detector: Detector
  /** A text in the form in which this program takes it for a prompt, where a space does not do. */
  readonly literal?: (text: string) => string
  /** Empties the input box, or a line of it: taken until it is empty. */
  readonly clear: readonly Step[]
  /** Breaks the turn off. */
  readonly interrupt: readonly Step[]
  /** The keys for an answer to a question, or null when it is none. */
  answer(choice: string, question: Question): readonly Step[] | null
}

/** The beginning of every turn. */
export const beginTurn = (prompt: string): Turn => ({
  prompt,
  phase: 'typed',
  question: null,
  end: null,
  wakeAt: null,
  wantsTitle: false,
  record: null,
  status: null,
  conversation: null,
  usage: null,
  evidence: [],
})

/** Ends a turn; the first end stays. */
export function endTurn<T extends Turn>(turn: T, end: TurnEnd, at: number, source: string): T {
  if (turn.end) return turn
  turn.end = end
  turn.phase = 'ended'
  turn.question = null
  turn.wakeAt = null
  turn.wantsTitle = false
  return noted(turn, source, at, `${end.kind}: ${end.reason}`)
}

/** Keeps what was seen; the newest are enough. */
export function noted<T extends Turn>(turn: T, source: string, at: number, detail: string): T {
  turn.evidence.push({ source, at, detail: detail.replaceAll(/\s+/g, ' ').slice(0, 300) })
  if (turn.evidence.length > 40) turn.evidence.splice(1, 1)
  return turn
}

/** The program asks a person. */
export function ask<T extends Turn>(turn: T, question: Question, at: number, source: string): T {
  if (turn.phase === 'ended') return turn
  turn.phase = 'waiting'
  turn.question = question
  return noted(turn, source, at, `waits: ${question.text}`)
}

/** It goes on. */
export function goOn<T extends Turn>(turn: T, at: number, source: string, detail: string): T {
  if (turn.phase === 'ended' || turn.phase === 'working') return turn
  turn.phase = 'working'
  turn.question = null
  return noted(turn, source, at, detail)
}

/**
 * Whether a submitted text is, or holds, the one we typed: programs wrap a paste, change the white
 * space around it and leave invisible characters out.
 */
export function holdsPrompt(submitted: unknown, prompt: string): boolean {
  const bare = (text: string) => text.replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, '')
  return typeof submitted === 'string' && bare(submitted).includes(bare(prompt))
}

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
export const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : 0
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** A space in front of a first character that programs take for a command. */
export const spaced = (text: string): string =>
  /^[^\p{L}\p{N}\s"'([{<*`]/u.test(text) ? ` ${text}` : text
