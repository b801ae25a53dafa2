import type { Cause, Evidence, Usage } from '../../supervisor/domain/task.ts'
import type { Fields } from './fields.ts'
import { objectsOf, textOf } from './fields.ts'

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

/** The texts of the questions that a tool would ask a person; '' where there are none. */
export const questionsIn = (input: Fields): string =>
  objectsOf(input['questions'])
    .map((one) => textOf(one['question']))
    .join(' ')

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
