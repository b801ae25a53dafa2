import type { Usage } from '../../supervisor/domain/task.ts'
import { codexFailure } from './codex-error.ts'
import type { Aside, Judgement, Said } from './program.ts'
import { answered, lostConversation, objectsIn, oneLine } from './stream.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'

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
  return codexFailure(fieldsOf(end['error']), {}, now)
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
