import { codexFailure } from './codex-error.ts'
import { followSubagents } from './codex-subagents.ts'
import { detectorOf } from './detector.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, objectsOf, textOf } from './fields.ts'
import { failed } from './program.ts'
import { answered } from './stream.ts'
import { atQuestion, brokenOff, goneAfter, judged, unproved } from './turn-end.ts'
import type { Turn, TurnEnd } from './turn.ts'
import { ask, beginTurn, endTurn, goOn, holdsPrompt, noted } from './turn.ts'

/** How long the record may lag behind the Interrupt hook. */
const recordMs = 1000
/** A Stop without any record to confirm it. */
const unconfirmedMs = 15_000
/** How often the title is asked whether a question still stands. */
const questionMs = 1000

type CodexTurn = Turn & {
  /** Codex's own name of the turn: another turn's signals are not ours. */
  id: string
  /** The record is readable: it has told something of this turn. */
  hasRecord: boolean
  /** Stop: never the end by itself, a hook of the user's own may send the turn on. */
  stop: { text: string } | null
  isBrokenOff: boolean
  /** Somebody else's prompt went into the turn: its answer may be to that alone. */
  isSteered: boolean
  /** Subagents that still work, and how the turn ends when they have ended. */
  subagents: Set<string>
  finish: TurnEnd | null
  /** What was asked since the turn last went on. */
  asked: string[]
  /** The title has told of the question. */
  isShown: boolean
  limits: Fields
}

/**
 * Codex. The record of its conversation decides: `task_complete` or `turn_aborted` of our turn.
 * Hooks say that the prompt was taken, and when it asks; failures have none.
 */
export const codexTurn = detectorOf<CodexTurn>({
  begin: (prompt) => ({
    ...beginTurn(prompt),
    id: '',
    hasRecord: false,
    stop: null,
    isBrokenOff: false,
    isSteered: false,
    subagents: new Set(),
    finish: null,
    asked: [],
    isShown: false,
    limits: {},
  }),
  taken(turn, event, data, at) {
    // A subagent gets its prompts in the same way.
    const isPrompt = event === 'UserPromptSubmit' && data['agent_id'] === undefined
    if (!isPrompt || !holdsPrompt(data['prompt'], turn.prompt)) return turn
    turn.id = textOf(data['turn_id'])
    turn.record = textOf(data['transcript_path']) || null
    turn.conversation = textOf(data['session_id']) || null
    return goOn(turn, at, 'hook', 'UserPromptSubmit: it has the prompt')
  },
  hook: onHook,
  record: onRecord,
  title: onTitle,
  clock: onClock,
  gone: ({ finish: end, stop }, reason) =>
    end
      ? unproved(`${reason} while its subagents worked`, end.text)
      : goneAfter(stop, 'Stop', reason),
})

function onHook(turn: CodexTurn, event: string, data: Fields, at: number): CodexTurn {
  // A subagent's question is one too; everything else counts for our turn alone.
  if (event === 'PermissionRequest') return onQuestion(turn, data, at)
  if (data['turn_id'] !== turn.id) return turn
  if (event === 'Stop') {
    turn.stop = { text: textOf(data['last_assistant_message']) }
    if (!turn.hasRecord) turn.wakeAt = at + unconfirmedMs
    return noted(turn, 'hook', at, 'Stop: perhaps the end')
  }
  if (event !== 'Interrupt') return turn
  turn.isBrokenOff = true
  turn.wakeAt = at + recordMs
  return noted(turn, 'hook', at, 'Interrupt')
}

function onQuestion(turn: CodexTurn, data: Fields, at: number): CodexTurn {
  turn.asked.push(askedIn(data))
  turn.isShown = false
  turn.wakeAt = at + questionMs
  return ask(turn, { kind: 'permission', text: turn.asked.join('\n') }, at, 'hook')
}

function onRecord(turn: CodexTurn, data: Fields, at: number): CodexTurn {
  const payload = fieldsOf(data['payload'])
  if (payload['type'] === 'token_count') turn.limits = fieldsOf(payload['rate_limits'])
  if (turn.id === '') return turn
  followSubagents(turn.subagents, data, turn.id)
  if (turn.finish && turn.subagents.size === 0) return endTurn(turn, turn.finish, at, 'record')
  if (payload['turn_id'] !== turn.id) return turn
  turn.hasRecord = true
  if (data['type'] === 'token_usage_record') return count(turn, payload)
  if (data['type'] !== 'event_msg') return turn
  if (payload['type'] === 'item_completed') return onItem(turn, fieldsOf(payload['item']), at)
  if (payload['type'] === 'task_complete') return finish(turn, endOf(turn, payload, at), at)
  if (payload['type'] === 'turn_aborted')
    return endTurn(turn, aborted(turn, textOf(payload['reason'])), at, 'record')
  return turn
}

/** What a person types into a running turn becomes a part of it. */
function onItem(turn: CodexTurn, item: Fields, at: number): CodexTurn {
  if (item['type'] !== 'UserMessage') return turn
  const text = objectsOf(item['content'])
    .map((part) => textOf(part['text']))
    .join('')
  if (holdsPrompt(text, turn.prompt)) return turn
  turn.isSteered = true
  return noted(turn, 'record', at, `another prompt went into it: ${text}`)
}

/** What its subagents still do belongs to it. */
function finish(turn: CodexTurn, end: TurnEnd, at: number): CodexTurn {
  const { size } = turn.subagents
  if (end.kind !== 'completed' || size === 0) return endTurn(turn, end, at, 'record')
  turn.finish = end
  goOn(turn, at, 'record', 'it has ended')
  return noted(turn, 'record', at, `it has ended, but ${size} subagents work`)
}

/** While it asks, nothing but its title tells that somebody has answered at the keyboard. */
function onTitle(turn: CodexTurn, text: string, at: number): CodexTurn {
  turn.wantsTitle = false
  if (turn.phase !== 'waiting') return turn
  const isAsking = text.includes('Action Required')
  if (turn.isShown && !isAsking) {
    turn.asked = []
    return goOn(turn, at, 'title', 'it was answered')
  }
  turn.isShown ||= isAsking
  turn.wakeAt = at + questionMs
  return turn
}

function onClock(turn: CodexTurn, at: number): CodexTurn {
  if (turn.isBrokenOff) return endTurn(turn, aborted(turn, 'interrupted'), at, 'hook')
  if (turn.phase === 'waiting') turn.wantsTitle = true
  else if (turn.stop && !turn.hasRecord) {
    const reason = 'a Stop hook came, but no record of the turn'
    return endTurn(turn, unproved(reason, turn.stop.text), at, 'hook')
  }
  return turn
}

function endOf(turn: CodexTurn, payload: Fields, at: number): TurnEnd {
  const text = textOf(payload['last_agent_message'])
  const error = fieldsOf(payload['error'])
  const isFailure = Object.keys(error).length > 0
  const judgement = isFailure ? codexFailure(error, turn.limits, at) : answered(text)
  const steered = 'another prompt went into it: this may be the answer to that'
  if (turn.isSteered && judgement.outcome === 'succeeded') return unproved(steered, text)
  return judged(judgement, text)
}

function aborted({ asked }: CodexTurn, why: string): TurnEnd {
  if (why === 'interrupted' || why === 'replaced') return brokenOff(atQuestion(asked.join(', ')))
  return judged(failed('agent_error', `it broke off: ${why}`), '')
}

function askedIn(data: Fields): string {
  const input = fieldsOf(data['tool_input'])
  const what = textOf(input['command']) || JSON.stringify(input)
  return `${textOf(data['tool_name'])}: ${what}`.slice(0, 1000)
}

/** What the turn has used so far, of all its requests; what the conversation used before is not in it. */
function count(turn: CodexTurn, payload: Fields): CodexTurn {
  const usage = fieldsOf(payload['turn_token_usage'])
  turn.usage = {
    inputTokens: numberOf(usage['input_tokens']),
    outputTokens: numberOf(usage['output_tokens']),
    costUsd: null,
  }
  return turn
}
