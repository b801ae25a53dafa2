import type { Usage } from '../../supervisor/domain/task.ts'
import type { Aside, Judgement, Said } from './program.ts'
import { failed } from './program.ts'
import { answered, failedBy, lostConversation, objectsIn, oneLine } from './stream.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'

/**
 * `--output-format stream-json`. The last `result` decides; an empty answer is an `error` with exit
 * status 0. A text that the model ended for safety, or at its token limit, looks like any other here.
 */
export function readGemini(lines: readonly string[], { printed, endedAt }: Aside): Said {
  const objects = objectsIn(lines)
  const text = answerIn(objects)
  const result = objects.findLast(({ type }) => type === 'result')
  const errors = objects
    .filter(({ type }) => type === 'error')
    .map(({ message }) => textOf(message))
  const isLost = !result && printed.includes('Invalid session identifier')
  const hasWork = objects.some(
    ({ type, role }) => type === 'tool_use' || (type === 'message' && role === 'assistant'),
  )
  const init = objects.find(({ type }) => type === 'init')
  return {
    result: isLost
      ? lostConversation
      : result
        ? resultOf(result, text, errors, endedAt)
        : withoutResult(objects, printed),
    text,
    usage: usageOf(result),
    // A session without an answer can neither be resumed nor begun again.
    conversation: hasWork ? textOf(init?.['session_id']) || null : null,
    isConversationLost: isLost,
    notes: [...errors, ...failedTools(objects)].map(oneLine).slice(-20),
  }
}

function resultOf(result: Fields, text: string, errors: readonly string[], now: number): Judgement {
  if (result['status'] === 'success') return answered(text)
  const error = fieldsOf(result['error'])
  if (textOf(error['type']) === 'FatalTurnLimitedError')
    return failed('agent_error', 'it reached its limit of turns')
  return geminiFailure(textOf(error['message']) || errors.at(-1) || 'its result is an error', now)
}

/** A failure in Gemini's words for it. */
export function geminiFailure(message: string, now: number): Judgement {
  const words = wordsOf(message)
  if (/empty response/i.test(words)) return failed('agent_error', oneLine(words))
  return failedBy(codeIn(message), words, now)
}

/** It ended before it began: what it printed says why. */
function withoutResult(objects: readonly Fields[], printed: string): Judgement | null {
  if (objects.length > 0) return null
  if (/auth method|GEMINI_API_KEY/i.test(printed))
    return failed('auth', 'gemini is not logged in: run gemini once as this user')
  return null
}

/** `[API Error: {"error":{"code":400,"message":…}}]`, or the message as it is. */
function wordsOf(message: string): string {
  const found = /"message":("(?:[^"\\]|\\.)*")/.exec(message)?.[1]
  return found ? textOf(JSON.parse(found)) : message.replace(/\[API Error: (.*?)\](?=\n|$)/s, '$1')
}

const codeIn = (message: string): number | null => {
  const code = /"code":(\d{3})\b/.exec(message)?.[1]
  return code === undefined ? null : Number(code)
}

/** The deltas after the last tool call. */
function answerIn(objects: readonly Fields[]): string {
  const from = objects.findLastIndex(({ type }) => type === 'tool_result')
  return objects
    .slice(from + 1)
    .filter(({ type, role }) => type === 'message' && role === 'assistant')
    .map(({ content }) => textOf(content))
    .join('')
}

function failedTools(objects: readonly Fields[]): string[] {
  return objects
    .filter(({ type, status }) => type === 'tool_result' && status === 'error')
    .map((result) => `a tool failed: ${textOf(fieldsOf(result['error'])['message'])}`)
}

function usageOf(result: Fields | undefined): Usage | null {
  if (!result) return null
  const stats = fieldsOf(result['stats'])
  return {
    inputTokens: numberOf(stats['input_tokens']),
    outputTokens: numberOf(stats['output_tokens']),
    costUsd: null,
  }
}
