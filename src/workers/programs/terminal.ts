import type { Cause } from '../../supervisor/domain/task.ts'
import type { Fields } from './fields.ts'
import type { Launch, Place } from './launch.ts'
import type { Detector, Question } from './turn.ts'

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

/** A space in front of a first character that programs take for a command. */
export const spaced = (text: string): string =>
  /^[^\p{L}\p{N}\s"'([{<*`]/u.test(text) ? ` ${text}` : text
