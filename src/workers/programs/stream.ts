import type { Cause, Usage } from '../../supervisor/domain/task.ts'
import { causeOf } from './causes.ts'
import type { Judgement, Said } from './program.ts'
import { failed } from './program.ts'
import { retryTimeIn } from './retry-time.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf } from './fields.ts'

/** The JSON objects among the lines of an output; whatever else a program prints there is no line of its record. */
export function objectsIn(lines: readonly string[]): Fields[] {
  return lines.flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      return [fieldsOf(JSON.parse(line))]
    } catch {
      return []
    }
  })
}

/** What was said when nothing was. */
export const nothingSaid: Said = {
  result: null,
  text: '',
  usage: null,
  conversation: null,
  notes: [],
}

export const hasAnswered: Judgement = {
  outcome: 'succeeded',
  cause: null,
  reason: 'it has answered',
}

/** An answer that ended as it should: only where there is one, it is a success. */
export const answered = (text: string): Judgement =>
  text.trim() === '' ? failed('agent_error', 'it ended without an answer') : hasAnswered

export const cutOff = failed('agent_error', 'the answer was cut off at the token limit')

/** The failure that a model API's status and the program's words for it mean. */
export function failedBy(
  status: number | null,
  words: string,
  now: number,
  cause: Cause = causeOf(status, words),
): Judgement {
  return { ...failed(cause, oneLine(words) || cause), retryAt: retryTimeIn(words, now) }
}

/** Its conversation is no longer where the program keeps it. */
export const lostConversation = failed(
  'agent_error',
  'its conversation is gone: the next attempt begins a new one',
)

export const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().slice(0, 300)

export const addUsage = (a: Usage | null, b: Usage): Usage => ({
  inputTokens: (a?.inputTokens ?? 0) + b.inputTokens,
  outputTokens: (a?.outputTokens ?? 0) + b.outputTokens,
  costUsd:
    (a?.costUsd ?? null) === null && b.costUsd === null
      ? null
      : (a?.costUsd ?? 0) + (b.costUsd ?? 0),
})

/** All of it; null of nothing. */
export const sumUsage = (all: Iterable<Usage>): Usage | null =>
  [...all].reduce<Usage | null>(addUsage, null)

export const statusOf = (value: unknown): number | null => numberOf(value) || null
