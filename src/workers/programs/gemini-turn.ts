import type { Usage } from '../../supervisor/domain/task.ts'
import { detectorOf } from './detector.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'
import { geminiFailure } from './gemini-read.ts'
import type { Judgement } from './program.ts'
import { failed } from './program.ts'
import { answered, cutOff, sumUsage } from './stream.ts'
import { atQuestion, brokenOff, goneAfter, judged } from './turn-end.ts'
import type { Turn, TurnEnd } from './turn.ts'
import { ask, beginTurn, endTurn, goOn, holdsPrompt, noted, questionsIn } from './turn.ts'

/** A title that was never seen to say that it works may be that from before the prompt for so long. */
const staleMs = 400
/** For so long the title is asked whether it says that it works. */
const workingMs = 2000
/** What the record says of an end follows it this late. */
const recordMs = 400
/** A cancelled turn may still say something. */
const cancelledMs = 300
/** Where an error is the last word and no hook follows, the title decides. */
const silentMs = 3000
/** How often a dialog is looked at again: nothing tells that a person has answered it. */
const waitingMs = 1000
/**
 * It would ask a model API that refuses for minutes; the queue knows better when to try again. What
 * is repeated sooner was answered with nothing: that ends by itself.
 */
const refusals = { times: 3, withinMs: 9000 }

type GeminiTurn = Turn & {
  takenAt: number
  /** The title has said that it works: from now on `Ready` is news. */
  hasWorked: boolean
  /** AfterAgent: a candidate for the end, until the title says that it is ready. */
  after: { text: string; at: number } | null
  isConfirmed: boolean
  /** The answer as the record has it: the hook's copy has blanks between its pieces. */
  said: string
  /** The record's words for what went wrong, and for why the answer stopped. */
  error: string | null
  stopped: Judgement | null
  cancelledAt: number | null
  /** The last request to the model, and how often it was made. */
  request: { digest: string; times: number; firstAt: number }
  asked: string
  /** The title has told of the question. */
  isShown: boolean
  /** What it asked when it was broken off. */
  refused: string
  counted: Map<string, Usage>
}

/**
 * Gemini CLI. AfterAgent comes after success, error and Escape alike, and when a hook of the user's
 * sends the answer back it comes and the turn goes on: the title confirms it, the record says what
 * it was. An Escape at a dialog shows in the record alone.
 */
export const geminiTurn = detectorOf<GeminiTurn>({
  begin: (prompt, { now }) => ({
    ...beginTurn(prompt),
    takenAt: now,
    hasWorked: false,
    after: null,
    isConfirmed: false,
    said: '',
    error: null,
    stopped: null,
    cancelledAt: null,
    request: { digest: '', times: 0, firstAt: 0 },
    asked: '',
    isShown: false,
    refused: '',
    counted: new Map(),
  }),
  taken(turn, event, data, at) {
    if (event !== 'BeforeAgent' || !isOurs(data['prompt'], turn.prompt)) return turn
    turn.takenAt = at
    turn.record = textOf(data['transcript_path']) || null
    turn.conversation = textOf(data['session_id']) || null
    turn.wantsTitle = true
    return goOn(turn, at, 'hook', 'BeforeAgent: it has the prompt')
  },
  hook: onHook,
  record: onRecord,
  title: onTitle,
  clock: onClock,
  gone: ({ after }, reason) => goneAfter(after, 'AfterAgent', reason),
})

function onHook(turn: GeminiTurn, event: string, data: Fields, at: number): GeminiTurn {
  switch (event) {
    case 'BeforeTool':
      turn.asked = questionsIn(fieldsOf(data['tool_input']))
      return turn
    case 'Notification':
      if (data['notification_type'] !== 'ToolPermission') return turn
      turn.wakeAt = at + waitingMs
      turn.isShown = false
      return ask(turn, questionOf(turn, data), at, 'hook')
    case 'BeforeAgent':
      return takeBack(turn, at, 'BeforeAgent')
    case 'BeforeModel':
      return onRequest(takeBack(turn, at, 'BeforeModel'), textOf(data['request']), at)
    case 'AfterAgent': {
      const text = textOf(data['prompt_response']).trim()
      goOn(turn, at, 'hook', 'AfterAgent')
      noted(turn, 'hook', at, 'AfterAgent: perhaps the end')
      turn.after = { text: text === '[no response text]' ? '' : text, at }
      turn.wakeAt = null
      turn.wantsTitle = true
      return turn
    }
    default:
      return turn
  }
}

/** The same request again: the model API has refused it, and Gemini says nothing of it. */
function onRequest(turn: GeminiTurn, digest: string, at: number): GeminiTurn {
  goOn(turn, at, 'hook', 'BeforeModel')
  const { request } = turn
  if (digest !== request.digest) Object.assign(request, { digest, times: 0, firstAt: at })
  request.times++
  if (request.times < refusals.times || at < request.firstAt + refusals.withinMs) return turn
  const reason = `the model API refused ${request.times - 1} times: rate limit or overload`
  const end = judged(failed('overloaded', reason), '')
  return endTurn(turn, { ...end, isRunning: true }, at, 'hook')
}

/** It goes on: what looked like the end was none. */
function takeBack(turn: GeminiTurn, at: number, event: string): GeminiTurn {
  if (!turn.after) return turn
  const none = { after: null, isConfirmed: false, error: null, stopped: null }
  Object.assign(turn, { ...none, wantsTitle: false, wakeAt: null })
  return noted(turn, 'hook', at, `${event}: it goes on`)
}

function onRecord(turn: GeminiTurn, data: Fields, at: number): GeminiTurn {
  const type = textOf(data['type'])
  const content = textOf(data['content'])
  if (type === 'gemini') {
    if (content !== '') turn.said = content
    return count(turn, data)
  }
  if (type === 'error') {
    // What a hook of the user's blocks is no failure of the model.
    if (/^Agent execution (blocked|stopped)/.test(content))
      return noted(turn, 'record', at, content)
    turn.error = content
    noted(turn, 'record', at, content)
    if (!turn.after) turn.wakeAt = at + silentMs
    return turn
  }
  if (type !== 'info') return turn
  if (/Response stopped due to (safety|prohibited|blocklist|SPII|recitation)/i.test(content))
    turn.stopped = failed('refused', 'the model API stopped the answer')
  if (/truncated due to token limits/.test(content)) turn.stopped = cutOff
  if (/^Request cancelled\./.test(content)) {
    turn.cancelledAt = at
    turn.refused = turn.question?.text ?? ''
    turn.wakeAt = at + cancelledMs
  }
  return turn
}

function onTitle(turn: GeminiTurn, title: string, at: number): GeminiTurn {
  const isReady = /^◇|\bReady \(/.test(title)
  if (turn.phase === 'waiting') {
    turn.wantsTitle = false
    turn.wakeAt = at + waitingMs
    const isAsking = /^✋|Action Required/.test(title)
    if (turn.isShown && !isAsking) return goOn(turn, at, 'title', 'it was answered')
    turn.isShown ||= isAsking
    return turn
  }
  if (!turn.wantsTitle) return turn
  turn.hasWorked ||= isWorking(title)
  if (turn.after === null && turn.error === null) {
    turn.wantsTitle = !turn.hasWorked && at < turn.takenAt + workingMs
    return turn
  }
  if (!isReady || !(turn.hasWorked || at >= turn.takenAt + staleMs)) return turn
  turn.wantsTitle = false
  turn.isConfirmed = true
  noted(turn, 'title', at, `the end: ${title.trim()}`)
  // Whatever the record has of it by now is told first.
  const isSilent = turn.said === '' && !turn.error && !turn.cancelledAt
  turn.wakeAt = isSilent ? at + recordMs : at
  return turn
}

const isWorking = (title: string): boolean => /^✦|Working…/.test(title)

function onClock(turn: GeminiTurn, at: number): GeminiTurn {
  if (turn.cancelledAt !== null)
    return endTurn(turn, brokenOff(atQuestion(turn.refused)), at, 'record')
  if (turn.isConfirmed) return endTurn(turn, endOf(turn, at), at, 'hook')
  turn.wantsTitle = turn.phase === 'waiting' || turn.error !== null
  return turn
}

function endOf({ error, stopped, after, said }: GeminiTurn, at: number): TurnEnd {
  const text = said || (after?.text ?? '')
  return judged(error === null ? (stopped ?? answered(text)) : geminiFailure(error, at), text)
}

/** The box escapes what is pasted. */
const isOurs = (submitted: unknown, prompt: string): boolean =>
  holdsPrompt(textOf(submitted).replaceAll('\\@', '@'), prompt.replaceAll('\\@', '@'))

function questionOf({ asked }: GeminiTurn, data: Fields) {
  const details = fieldsOf(data['details'])
  if (details['type'] === 'ask_user')
    return { kind: 'question' as const, text: asked || 'a question' }
  const what = textOf(details['command']) || textOf(details['filePath']) || textOf(details['title'])
  return { kind: 'permission' as const, text: `${textOf(data['message'])}: ${what}`.slice(0, 1000) }
}

/** A line is written again when its tools have ended, with the same usage. */
function count(turn: GeminiTurn, data: Fields): GeminiTurn {
  const tokens = fieldsOf(data['tokens'])
  if (Object.keys(tokens).length === 0) return turn
  const inputTokens = numberOf(tokens['input'])
  const outputTokens = numberOf(tokens['output']) + numberOf(tokens['thoughts'])
  turn.counted.set(textOf(data['id']), { inputTokens, outputTokens, costUsd: null })
  turn.usage = sumUsage(turn.counted.values())
  return turn
}
