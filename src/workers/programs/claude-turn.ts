import { join } from 'node:path'
import type { Usage } from '../../supervisor/domain/task.ts'
import { detectorOf } from './detector.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, objectsOf, textOf } from './fields.ts'
import type { Judgement } from './program.ts'
import { failed } from './program.ts'
import { answered, cutOff, failedBy, statusOf, sumUsage } from './stream.ts'
import { brokenOff, goneAfter, judged, unproved } from './turn-end.ts'
import type { Turn, TurnEnd } from './turn.ts'
import { ask, beginTurn, endTurn, goOn, holdsPrompt, noted, questionsIn } from './turn.ts'

/** Where Claude Code says what it does; not documented, so never the only evidence of a success. */
export const claudeStatusFile = (pid: number, env: Readonly<Record<string, string>>): string =>
  join(env['CLAUDE_CONFIG_DIR'] ?? join(env['HOME'] ?? '/', '.claude'), 'sessions', `${pid}.json`)

/** How long an idle status may stand before a missing Stop means that the turn was broken off. */
const silentMs = 300
/** How long the record may lag behind the Stop hook; it is ~350 ms at the most here. */
const recordMs = 5000
/** Where neither status nor record confirms a Stop, nothing more will come. */
const unconfirmedMs = 15_000

type ClaudeTurn = Turn & {
  /** Stop: a candidate for the end, until the status or the record confirms it. */
  stop: { text: string; at: number } | null
  isIdle: boolean
  /** A status file was seen in this turn. */
  hasStatus: boolean
  /** The status has told of the question too: it lags behind the hook. */
  isShown: boolean
  /** When it became idle without a Stop. */
  idleAt: number | null
  /** Confirmed; only the record's last lines are waited for. */
  isConfirmed: boolean
  /** The record holds the turn to its end. */
  isRecorded: boolean
  /** The record's own words for the end: the answer it holds, why it stopped. */
  said: { text: string; why: string } | null
  isBrokenOff: boolean
  counted: Map<string, Usage>
}

/**
 * Claude Code. A Stop hook alone is no end: a hook of the user's own may block it, and background
 * tasks may still run. Its status file says `idle` only at the real end; Escape shows there alone.
 */
export const claudeTurn = detectorOf<ClaudeTurn>({
  begin: (prompt, { pid, env }) => ({
    ...beginTurn(prompt),
    status: claudeStatusFile(pid, env),
    stop: null,
    isIdle: false,
    hasStatus: false,
    isShown: false,
    idleAt: null,
    isConfirmed: false,
    isRecorded: false,
    said: null,
    isBrokenOff: false,
    counted: new Map(),
  }),
  taken(turn, event, data, at) {
    if (event !== 'UserPromptSubmit' || !holdsPrompt(data['prompt'], turn.prompt)) return turn
    turn.record = textOf(data['transcript_path']) || null
    turn.conversation = textOf(data['session_id']) || null
    return goOn(turn, at, 'hook', 'UserPromptSubmit: it has the prompt')
  },
  hook: onHook,
  status: onStatus,
  record: onRecord,
  clock: onClock,
  gone: ({ stop }, reason) => goneAfter(stop, 'Stop', reason),
})

function onHook(turn: ClaudeTurn, event: string, data: Fields, at: number): ClaudeTurn {
  switch (event) {
    case 'PermissionRequest':
      turn.isShown = false
      return ask(turn, questionOf(data), at, 'hook')
    case 'Stop': {
      const running = objectsOf(data['background_tasks']).filter(
        (task) => task['status'] === 'running',
      )
      if (running.length > 0)
        return noted(turn, 'hook', at, `Stop, but ${running.length} background tasks run`)
      turn.stop = { text: textOf(data['last_assistant_message']), at }
      goOn(turn, at, 'hook', 'Stop')
      noted(turn, 'hook', at, 'Stop: perhaps the end')
      turn.wakeAt = at + unconfirmedMs
      return turn.isIdle ? confirm(turn, at, 'the status is idle') : turn
    }
    case 'StopFailure':
      return endTurn(turn, failure(data, at), at, 'hook')
    default:
      return turn
  }
}

function onStatus(turn: ClaudeTurn, data: Fields, at: number): ClaudeTurn {
  const status = textOf(data['status'])
  if (status === '' || turn.phase === 'typed') return turn
  turn.hasStatus = true
  turn.isIdle = status === 'idle'
  if (status === 'busy') {
    if (turn.isShown) goOn(turn, at, 'status', 'busy: it was answered')
    turn.isShown = false
    turn.idleAt = null
    // A Stop was no end when the status goes on: then only a new one counts.
    if (turn.isConfirmed) return turn
    if (turn.stop) turn.wakeAt = null
    return turn
  }
  if (status === 'waiting') turn.isShown = true
  if (status === 'waiting' && turn.phase === 'working')
    return ask(turn, { kind: 'permission', text: textOf(data['waitingFor']) }, at, 'status')
  if (!turn.isIdle) return turn
  if (turn.stop) return confirm(turn, at, 'the status is idle')
  turn.idleAt ??= at
  turn.wakeAt = turn.idleAt + silentMs
  return turn
}

function onRecord(turn: ClaudeTurn, data: Fields, at: number): ClaudeTurn {
  if (data['isSidechain'] === true) return turn
  const message = fieldsOf(data['message'])
  if (data['type'] === 'assistant') {
    count(turn, message)
    const text = plain(message['content'])
    const why = textOf(message['stop_reason'])
    if (text !== '' || why !== '') turn.said = { text, why }
    return turn.isConfirmed && isSaid(turn) ? conclude(turn, at) : turn
  }
  if (data['type'] === 'user' && /^\[Request interrupted by user/.test(plain(message['content'])))
    turn.isBrokenOff = true
  // The last line of a turn; where this version has no status file, it is the confirmation.
  if (data['subtype'] !== 'turn_duration' || !turn.stop) return turn
  turn.isRecorded = true
  if (turn.isConfirmed) return conclude(turn, at)
  return turn.hasStatus ? turn : confirm(turn, at, 'the record says how long the turn took')
}

function onClock(turn: ClaudeTurn, at: number): ClaudeTurn {
  if (turn.isConfirmed) return conclude(turn, at)
  if (turn.idleAt !== null && !turn.stop) {
    const why = turn.isBrokenOff ? 'the record says so' : 'idle without a Stop'
    return endTurn(turn, brokenOff(`: ${why}`), at, 'status')
  }
  if (!turn.stop || turn.hasStatus) return turn
  const reason = 'a Stop hook came, but this version shows neither a status nor a record of it'
  return endTurn(turn, unproved(reason, turn.stop.text), at, 'hook')
}

/** The end is proved; the record's last words say of what kind it is. */
function confirm(turn: ClaudeTurn, at: number, by: string): ClaudeTurn {
  if (turn.isConfirmed) return turn
  turn.isConfirmed = true
  noted(turn, 'status', at, `the end: ${by}`)
  if (isSaid(turn) || turn.isRecorded) return conclude(turn, at)
  turn.wakeAt = at + recordMs
  return turn
}

/** The record has come as far as the Stop hook. */
const isSaid = ({ said, stop }: ClaudeTurn): boolean =>
  said !== null && stop !== null && said.why !== '' && said.text.trim() === stop.text.trim()

/** A Stop hook after an empty answer brings that of the turn before: only the record tells. */
function conclude(turn: ClaudeTurn, at: number): ClaudeTurn {
  const { stop, said, isRecorded } = turn
  if (!said && !isRecorded)
    return endTurn(turn, unproved('the record of the turn cannot be read', stop?.text), at, 'hook')
  const text = said ? (stop?.text ?? said.text) : ''
  return endTurn(turn, judged(judgeEnd(isSaid(turn) ? said!.why : '', text), text), at, 'hook')
}

function judgeEnd(why: string, text: string): Judgement {
  if (why === 'refusal') return failed('refused', 'it refused')
  return why === 'max_tokens' ? cutOff : answered(text)
}

/** The API's status stands only in its words. */
function failure(data: Fields, at: number): TurnEnd {
  const text = textOf(data['last_assistant_message'])
  const words = `${textOf(data['error_details'])} ${text}`.trim()
  const status = Number(/\b(?:error:?|rejected \(|repeated) (\d{3})\b/i.exec(words)?.[1])
  const error = textOf(data['error'])
  const { cause } = failedBy(statusOf(status), `${words} ${error}`, at)
  return judged(failedBy(null, text || words || error, at, cause ?? 'agent_error'), text)
}

function questionOf(data: Fields) {
  const tool = textOf(data['tool_name'])
  const input = fieldsOf(data['tool_input'])
  if (tool === 'AskUserQuestion')
    return { kind: 'question' as const, text: questionsIn(input) || 'a question' }
  const what = textOf(input['command']) || textOf(input['file_path']) || JSON.stringify(input)
  return { kind: 'permission' as const, text: `${tool}: ${what}`.slice(0, 1000) }
}

const plain = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : (Array.isArray(content) ? content : []).map((part) => textOf(fieldsOf(part)['text'])).join('')

/** One answer stands in several lines of the record, each with the same usage. */
function count(turn: ClaudeTurn, message: Fields): void {
  const usage = fieldsOf(message['usage'])
  const inputTokens =
    numberOf(usage['input_tokens']) +
    numberOf(usage['cache_creation_input_tokens']) +
    numberOf(usage['cache_read_input_tokens'])
  const outputTokens = numberOf(usage['output_tokens'])
  turn.counted.set(textOf(message['id']), { inputTokens, outputTokens, costUsd: null })
  turn.usage = sumUsage(turn.counted.values())
}
