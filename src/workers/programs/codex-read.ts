import type { Usage } from '../../supervisor/domain/task.ts'
import type { Aside, Judgement, Said } from './program.ts'
import { answered, cutOff, failedBy, lostConversation, objectsIn, oneLine } from './stream.ts'
import type { Fields } from './terminal.ts'
import { fieldsOf, numberOf, textOf } from './terminal.ts'

/**
 * `codex exec --json`. Only `turn.completed` and `turn.failed` are ends: an `error` is a connection
 * that is tried again, an item of type error a warning. The thread that makes titles is not shown
 * here. The figures of `turn.completed` are those of the whole thread.
 */
export function readCodex(lines: readonly string[], { printed, endedAt }: Aside): Said {
  const objects = objectsIn(lines)
  const items = objects
    .filter(({ type }) => type === 'item.completed')
    .map(({ item }) => fieldsOf(item))
  const messages = items.filter(({ type }) => type === 'agent_message')
  const text = textOf(messages.at(-1)?.['text'])
  const end = objects.findLast(({ type }) => type === 'turn.completed' || type === 'turn.failed')
  const thread = objects.find(({ type }) => type === 'thread.started')
  const isLost = !thread && printed.includes('no rollout found for thread id')
  return {
    result: isLost ? lostConversation : end ? resultOf(end, text, endedAt) : null,
    text,
    usage: usageOf(end),
    isUnderWay: objects.some(({ type }) => type === 'turn.started'),
    conversation: textOf(thread?.['thread_id']) || null,
    isConversationLost: isLost,
    notes: [
      ...items.filter(({ type }) => type === 'error').map((item) => textOf(item['message'])),
      ...objects.filter(({ type }) => type === 'error').map((error) => textOf(error['message'])),
    ]
      .map(oneLine)
      .slice(-5),
  }
}

function resultOf(end: Fields, text: string, now: number): Judgement {
  if (end['type'] === 'turn.completed') return answered(text)
  const message = textOf(fieldsOf(end['error'])['message'])
  if (message.includes('max_output_tokens')) return cutOff
  if (message.startsWith('Codex ran out of room'))
    return failedBy(null, message, now, 'context_overflow')
  // Its words for a status may hold an address with a port that looks like another one.
  const status = /\bstatus:? (\d{3})\b/.exec(message)?.[1]
  return failedBy(status === undefined ? null : Number(status), wordsOf(message), now)
}

/** What the API said, where Codex hands on its whole answer; without the address that was asked. */
function wordsOf(message: string): string {
  const words = message.replace(/, url: \S+$/, '')
  try {
    return textOf(fieldsOf(fieldsOf(JSON.parse(words))['error'])['message']) || words
  } catch {
    return words
  }
}

function usageOf(end: Fields | undefined): Usage | null {
  if (end?.['type'] !== 'turn.completed') return null
  const usage = fieldsOf(end['usage'])
  return {
    inputTokens: numberOf(usage['input_tokens']),
    outputTokens: numberOf(usage['output_tokens']),
    costUsd: null,
  }
}
