import type { Usage } from '../../supervisor/domain/task.ts'
import { detectorOf } from './detector.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, objectsOf, textOf } from './fields.ts'
import { opencodeFailure } from './opencode-read.ts'
import { failed } from './program.ts'
import { answered, cutOff, failedBy, sumUsage } from './stream.ts'
import { atQuestion, brokenOff, goneAfter, judged } from './turn-end.ts'
import type { Turn, TurnEnd } from './turn.ts'
import { ask, beginTurn, endTurn, goOn, holdsPrompt, noted, questionsIn } from './turn.ts'

/** What it says of the last message may follow its idleness this late. */
const silentMs = 700
/** It would ask a model API that refuses for minutes; the queue knows better when to try again. */
const retries = 3
const longestRetryMs = 60_000

type OpencodeTurn = Turn & {
  /** The id of our message; ids grow with time. */
  message: string
  /** The last message that has ended. */
  last: { text: string; finish: string } | null
  error: Fields | null
  isIdle: boolean
  /** What was asked, until it is answered. */
  asked: ReadonlyMap<string, string>
  /** The question that was answered with no; '' for none. */
  refused: string
  /** The last retry that it told of. */
  retried: string | null
  counted: Map<string, Usage>
}

/**
 * opencode. A plugin of ours tells its events. `session.idle` of the session that has our prompt is
 * the end, whatever its last message or error says is the verdict; other sessions are those of its
 * subagents, and events from before our own `chat.message` belong to earlier turns.
 */
export const opencodeTurn = detectorOf<OpencodeTurn>({
  begin: (prompt) => ({
    ...beginTurn(prompt),
    message: '',
    last: null,
    error: null,
    isIdle: false,
    asked: new Map(),
    refused: '',
    retried: null,
    counted: new Map(),
  }),
  taken(turn, event, data, at) {
    const parts = objectsOf(data['parts'])
    const text = parts.map((part) => textOf(part['text'])).join('\n')
    if (event !== 'chat.message' || !holdsPrompt(text, turn.prompt)) return turn
    turn.conversation = textOf(fieldsOf(data['input'])['sessionID']) || null
    turn.message = textOf(parts[0]?.['messageID'])
    return goOn(turn, at, 'hook', 'chat.message: it has the prompt')
  },
  hook: onEvent,
  clock: (turn, at) => (turn.isIdle ? endTurn(turn, endOf(turn, at), at, 'hook') : turn),
  gone: (_, reason) => goneAfter(null, '', reason),
})

function onEvent(turn: OpencodeTurn, event: string, data: Fields, at: number): OpencodeTurn {
  const about = fieldsOf(data['properties'])
  switch (event) {
    case 'permission.asked':
    case 'question.asked':
      return onQuestion(turn, event, about, at)
    case 'permission.replied':
    case 'question.replied':
    case 'question.rejected':
      return onReply(turn, event, about, at)
  }
  if (about['sessionID'] !== turn.conversation) return turn
  switch (event) {
    case 'session.status':
      return onStatus(turn, fieldsOf(about['status']), at)
    case 'message.updated':
      return onMessage(turn, fieldsOf(about['info']), textOf(data['text']), at)
    case 'session.error':
      turn.error = fieldsOf(about['error'])
      return noted(turn, 'hook', at, `session.error: ${textOf(turn.error['name'])}`)
    case 'session.idle':
      turn.isIdle = true
      noted(turn, 'hook', at, 'session.idle')
      if (turn.error || isFinished(turn)) return endTurn(turn, endOf(turn, at), at, 'hook')
      turn.wakeAt = at + silentMs
      return turn
    default:
      return turn
  }
}

function onMessage(turn: OpencodeTurn, info: Fields, text: string, at: number): OpencodeTurn {
  // What an earlier turn still has to say does not count.
  if (textOf(info['parentID']) < turn.message) return turn
  count(turn, info)
  const error = fieldsOf(info['error'])
  if (Object.keys(error).length > 0) turn.error = error
  turn.last = { text, finish: textOf(info['finish']) }
  return turn.isIdle && (turn.error || isFinished(turn))
    ? endTurn(turn, endOf(turn, at), at, 'hook')
    : turn
}

function onStatus(turn: OpencodeTurn, status: Fields, at: number): OpencodeTurn {
  if (status['type'] === 'idle') return turn
  turn.isIdle = false
  turn.wakeAt = null
  if (status['type'] !== 'retry') return turn
  turn.retried = textOf(status['message']) || 'it asks the model API again'
  noted(turn, 'hook', at, `retry ${numberOf(status['attempt'])}: ${turn.retried}`)
  const isLong = numberOf(status['next']) - at > longestRetryMs
  if (numberOf(status['attempt']) < retries && !isLong) return turn
  const judgement = failedBy(null, turn.retried, at)
  const retryAt = isLong ? numberOf(status['next']) : (judgement.retryAt ?? null)
  return endTurn(turn, { ...judged(judgement, ''), retryAt, isRunning: true }, at, 'hook')
}

function onQuestion(turn: OpencodeTurn, event: string, about: Fields, at: number): OpencodeTurn {
  const isPermission = event === 'permission.asked'
  const text = isPermission ? permissionIn(about) : questionsIn(about) || 'a question'
  turn.asked = new Map(turn.asked).set(textOf(about['id']), text)
  return ask(turn, { kind: isPermission ? 'permission' : 'question', text }, at, 'hook')
}

function onReply(turn: OpencodeTurn, event: string, about: Fields, at: number): OpencodeTurn {
  const asked = new Map(turn.asked)
  const text = asked.get(textOf(about['requestID'])) ?? 'a question'
  if (about['reply'] === 'reject' || event === 'question.rejected') turn.refused = text
  asked.delete(textOf(about['requestID']))
  turn.asked = asked
  const [next] = asked.values()
  if (next === undefined) return goOn(turn, at, 'hook', 'it was answered')
  return ask(turn, { kind: 'permission', text: next }, at, 'hook')
}

/** It has come to an answer: after tools it goes on. */
const isFinished = ({ last }: OpencodeTurn): boolean =>
  last !== null && last.finish !== '' && last.finish !== 'tool-calls'

function endOf(turn: OpencodeTurn, at: number): TurnEnd {
  const { error, last, refused } = turn
  const text = last?.text ?? ''
  if (error && error['name'] !== 'MessageAbortedError')
    return judged(opencodeFailure(error, at), text)
  // Idle without an answer: nobody but a person at the keyboard ends it so.
  if (error || refused !== '' || !isFinished(turn)) return brokenOff(atQuestion(refused))
  switch (last?.finish ?? '') {
    case 'length':
      return judged(cutOff, text)
    case 'content-filter':
      return judged(failed('refused', 'the model API filtered the answer'), text)
    default:
      return judged(answered(text), text)
  }
}

function permissionIn(about: Fields): string {
  const command = textOf(fieldsOf(about['metadata'])['command'])
  const patterns = Array.isArray(about['patterns']) ? about['patterns'].join(' ') : ''
  return `${textOf(about['permission'])}: ${command || patterns}`.slice(0, 1000)
}

/** A message is told again when more is known of it. */
function count(turn: OpencodeTurn, info: Fields): void {
  const { input, output, reasoning, cache } = fieldsOf(info['tokens'])
  const { read, write } = fieldsOf(cache)
  turn.counted.set(textOf(info['id']), {
    inputTokens: numberOf(input) + numberOf(read) + numberOf(write),
    outputTokens: numberOf(output) + numberOf(reasoning),
    costUsd: numberOf(info['cost']),
  })
  turn.usage = sumUsage(turn.counted.values())
}
