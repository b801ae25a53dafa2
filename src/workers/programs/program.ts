import type { ProgramName } from '../../supervisor/domain/agent.ts'
import type { AttemptOrder } from '../../supervisor/domain/message.ts'
import type { Cause, Usage } from '../../supervisor/domain/task.ts'
import type { Launch, Place } from './launch.ts'
import type { Terminal } from './terminal.ts'

/** How a program ended. `verify` is the status of the task's own check, null when none ran. */
export type Ending = { status: number; verify: number | null }

export type Judgement = {
  outcome: 'succeeded' | 'failed' | 'unknown'
  cause: Cause | null
  /** One line for people. */
  reason: string
  /** When it may go again, if the failure says so, ms since 1970. */
  retryAt?: number | null
}

/** What the standard output of a headless program said, as far as it came. */
export type Said = {
  /** What the final result object says; null when there was none. */
  result: Judgement | null
  /** The answer, or the last that was said. */
  text: string
  usage: Usage | null
  /** The conversation it belongs to, when it was named and is kept. */
  conversation: string | null
  /** It had begun to work on the prompt: without a result nobody knows how far it came. */
  isUnderWay?: boolean
  /** The conversation it was to go on with is no longer there. */
  isConversationLost?: boolean
  /** More that a person should know, one line each. */
  notes: readonly string[]
}

/** What is known of an end beside its record. */
export type Aside = {
  /** All that it printed into the window: its errors too. May be cut at its beginning. */
  printed: string
  /** Ms since 1970: what it says of times may be relative. */
  endedAt: number
}

/** One kind of agent: how it is started and what its signals mean. */
export interface Program {
  readonly name: ProgramName
  /** What has to be in PATH; null when the agent says it itself. */
  readonly executable: string | null
  /**
   * Headless: one start for one order. `promptFile` holds the prompt and nothing else. Throws
   * SQUADD_INVALID, with the way out, when this order cannot be started.
   */
  launch(place: Place, order: AttemptOrder, promptFile: string): Launch
  /** Makes an id for a new conversation, where the program takes one of ours. */
  readonly newConversation?: () => string
  /**
   * The prompt so that the program takes it whole for a prompt, whatever it begins with. Where this
   * is missing it goes as it is.
   */
  readonly asData?: (prompt: string) => string
  /**
   * Reads the program's standard output, whole or cut at a line. Where this is missing the exit
   * status decides, and the output is what the terminal showed.
   */
  readonly read?: (lines: readonly string[], aside: Aside) => Said
  /** The usage that `read` finds is that of the whole conversation so far. */
  readonly sumsUsage?: true
  /** Interactive: the program in its terminal. */
  readonly terminal?: Terminal
}

/** The meaning of an end; a success needs a result that says so, where the program gives one. */
export function judge(
  ending: Ending,
  verify: readonly string[] | null,
  said: Said | null,
): Judgement {
  const { status } = ending
  const ofResult = said?.result
  if (ofResult && ofResult.outcome !== 'succeeded') return withStatus(ofResult, status)
  const ofExit = judgeExit(status)
  const isBrokenOff = said?.isUnderWay === true && status < firstOfShell
  if (!ofResult && ofExit.outcome === 'failed' && !isBrokenOff) return ofExit
  if (said && !ofResult)
    return { outcome: 'unknown', cause: null, reason: `exit status ${status} without a result` }
  return verified(ofResult ? withStatus(ofResult, status) : ofExit, ending.verify, verify)
}

/** A success stays one only when the task's own check agrees. */
export function verified(
  judgement: Judgement,
  status: number | null,
  argv: readonly string[] | null,
): Judgement {
  if (judgement.outcome !== 'succeeded' || status === null || status === 0) return judgement
  return failed('agent_error', `verify ${inLine(argv ?? [])} exit ${status}`)
}

/** From here on an exit status means that nothing ran, or a signal. */
const firstOfShell = 126

/** The meaning of an exit status as sh reports it. */
function judgeExit(status: number): Judgement {
  if (status === 126) return failed('spawn_failed', 'exit status 126: the program cannot run')
  if (status === 127) return failed('spawn_failed', 'exit status 127: the program was not found')
  if (status > 128)
    return failed('crashed', `exit status ${status} (signal ${status - 128}, not certain)`)
  if (status !== 0) return failed('agent_error', `exit status ${status}`)
  return { outcome: 'succeeded', cause: null, reason: 'exit status 0' }
}

const withStatus = (judgement: Judgement, status: number): Judgement => ({
  ...judgement,
  reason: `${judgement.reason} (exit status ${status})`,
})

export const failed = (cause: Cause, reason: string): Judgement => ({
  outcome: 'failed',
  cause,
  reason,
})

function inLine(argv: readonly string[]): string {
  const line = argv.join(' ').replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}
