import type { Usage } from '../../supervisor/domain/task.ts'
import type { Aside, Judgement, Said } from './program.ts'
import { failed } from './program.ts'
import {
  addUsage,
  answered,
  cutOff,
  failedBy,
  lostConversation,
  objectsIn,
  statusOf,
} from './stream.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'

/**
 * `--output-format stream-json`. More than one result may come, one for every turn that a background
 * task started: the last one counts. Its `is_error` decides; the exit status is 0 after an interrupt.
 */
export function readClaude(lines: readonly string[], { endedAt }: Aside): Said {
  const objects = objectsIn(lines)
  const results = objects.filter(({ type }) => type === 'result')
  const last = results.at(-1)
  const text = last ? textOf(last['result']) : saidSoFar(objects)
  return {
    result: last ? resultOf(last, endedAt) : null,
    text,
    usage: usageOf(results),
    conversation: begun(objects),
    isConversationLost: last !== undefined && isLost(last),
    notes: notesOf(objects, results),
  }
}

function resultOf(result: Fields, now: number): Judgement {
  const status = statusOf(result['api_error_status'])
  const subtype = textOf(result['subtype'])
  const why = textOf(result['terminal_reason'])
  const words = [textOf(result['result']), ...textsOf(result['errors'])].join(' ').trim()
  if (isLost(result)) return lostConversation
  if (result['stop_reason'] === 'refusal') return failedBy(status, words, now, 'refused')
  if (why === 'prompt_too_long') return failedBy(status, words, now, 'context_overflow')
  if (why.startsWith('aborted')) return failed('agent_error', `it was broken off (${why})`)
  if (subtype === 'error_max_turns') return failed('agent_error', 'it reached its limit of turns')
  if (subtype === 'error_max_budget_usd')
    return failed('agent_error', 'it reached its limit of costs (--max-budget-usd)')
  const kinds = `${textOf(result['api_error_type'])} ${textOf(result['api_error'])}`
  if (result['is_error'] !== false) {
    const failure = failedBy(status, `${words} ${kinds}`.trim(), now)
    return { ...failure, reason: failedBy(status, words || subtype, now).reason }
  }
  if (result['stop_reason'] === 'max_tokens') return cutOff
  return answered(textOf(result['result']))
}

const isLost = (result: Fields): boolean =>
  textsOf(result['errors']).some((error) => error.startsWith('No conversation found'))

/** It is kept from the moment that the program shows how it is set up; not when it only names what it misses. */
const begun = (objects: readonly Fields[]): string | null => {
  const init = objects.find(({ type, subtype }) => type === 'system' && subtype === 'init')
  return textOf(init?.['session_id']) || null
}

/**
 * What every result has used since the one before, all models and subagents together. The cost in
 * the result itself is that of the whole conversation, and its tokens leave subagents out.
 */
function usageOf(results: readonly Fields[]): Usage | null {
  let usage: Usage | null = null
  for (const result of results) {
    const models = Object.values(fieldsOf(result['model_usage_since_last_result'])).map(fieldsOf)
    for (const model of models)
      usage = addUsage(usage, {
        inputTokens:
          numberOf(model['inputTokens']) +
          numberOf(model['cacheReadInputTokens']) +
          numberOf(model['cacheCreationInputTokens']),
        outputTokens: numberOf(model['outputTokens']),
        costUsd: numberOf(model['costUSD']),
      })
  }
  return usage
}

function notesOf(objects: readonly Fields[], results: readonly Fields[]): string[] {
  const denials = results.flatMap(({ permission_denials: denied }) =>
    (Array.isArray(denied) ? denied : []).map(fieldsOf),
  )
  const retries = objects.filter(({ subtype }) => subtype === 'api_retry')
  const retried = retries.at(-1)
  return [
    ...denials.map((denial) => `a permission was refused: ${askedOf(denial)}`),
    ...(retried
      ? [`the model API was asked again ${retries.length} times: ${textOf(retried['error'])}`]
      : []),
  ]
}

function askedOf(denial: Fields): string {
  const input = fieldsOf(denial['tool_input'])
  const what = textOf(input['command']) || textOf(input['file_path']) || JSON.stringify(input)
  return `${textOf(denial['tool_name'])}: ${what}`.slice(0, 300)
}

function saidSoFar(objects: readonly Fields[]): string {
  const messages = objects.filter(
    (one) => one['type'] === 'assistant' && !one['parent_tool_use_id'],
  )
  return messages.map(({ message }) => plain(fieldsOf(message)['content'])).findLast(Boolean) ?? ''
}

const plain = (content: unknown): string =>
  (Array.isArray(content) ? content : []).map((part) => textOf(fieldsOf(part)['text'])).join('')

const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : []).map(textOf).filter(Boolean)
