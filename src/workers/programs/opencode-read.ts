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
  oneLine,
  statusOf,
} from './stream.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'

/**
 * `opencode run --format json`. The last step has to finish with `stop`: one that finishes with
 * `tool-calls` ended at a refused permission, with exit status 0. After an error it may go on with a
 * shortened conversation, without the prompt: that is no answer to it.
 */
export function readOpencode(lines: readonly string[], { printed, endedAt }: Aside): Said {
  const objects = objectsIn(lines)
  const steps = objects.filter(({ type }) => type === 'step_finish')
  const refusals = objects.filter(isRefused)
  const text = answerIn(objects)
  const begun = textOf(objects.find(({ sessionID }) => sessionID !== undefined)?.['sessionID'])
  const isLost = objects.length === 0 && /Session not found/.test(printed)
  return {
    result: isLost ? lostConversation : resultOf(objects, steps, refusals, text, endedAt),
    text,
    usage: usageOf(steps),
    conversation: begun || null,
    isConversationLost: isLost,
    notes: refusals.map((refusal) => `a permission was refused: ${askedOf(refusal)}`),
  }
}

function resultOf(
  objects: readonly Fields[],
  steps: readonly Fields[],
  refusals: readonly Fields[],
  text: string,
  now: number,
): Judgement | null {
  const error = objects.find(({ type }) => type === 'error')
  if (error) return opencodeFailure(fieldsOf(error['error']), now)
  const last = objects.findLast(({ type }) => type === 'step_finish' || type === 'step_start')
  if (last?.['type'] !== 'step_finish') return null
  switch (textOf(partOf(steps.at(-1))['reason'])) {
    case 'stop':
      return answered(text)
    case 'length':
      return cutOff
    case 'content-filter':
      return failed('refused', 'the model API filtered the answer')
    case 'tool-calls':
      return refusals.length > 0
        ? failed(
            'bad_config',
            'it ended at a permission that it did not get: allow it in its settings, or add the agent with --permission auto',
          )
        : null
    default:
      return null
  }
}

/** A failure as opencode names it. */
export function opencodeFailure(error: Fields, now: number): Judgement {
  const name = textOf(error['name'])
  const data = fieldsOf(error['data'])
  const words = textOf(data['message']) || name
  switch (name) {
    case 'ContextOverflowError':
      return failedBy(null, words, now, 'context_overflow')
    case 'ContentFilterError':
      return failedBy(null, words, now, 'refused')
    case 'ProviderAuthError':
      return failedBy(null, words, now, 'auth')
    case 'MessageOutputLengthError':
      return cutOff
    case 'MessageAbortedError':
      return failed('agent_error', 'it was broken off')
    default:
      return failedBy(statusOf(data['statusCode']), words, now)
  }
}

const partOf = (line: Fields | undefined): Fields => fieldsOf(line?.['part'])

const isRefused = (line: Fields): boolean =>
  line['type'] === 'tool_use' &&
  /rejected permission|rule which prevents/i.test(textOf(fieldsOf(partOf(line)['state'])['error']))

function askedOf(line: Fields): string {
  const { tool, state } = partOf(line)
  const input = fieldsOf(fieldsOf(state)['input'])
  const what = textOf(input['command']) || textOf(input['filePath']) || JSON.stringify(input)
  return oneLine(`${textOf(tool)}: ${what}`)
}

/** The text of the last step. */
function answerIn(objects: readonly Fields[]): string {
  const from = objects.findLastIndex(({ type }) => type === 'step_start')
  return objects
    .slice(from + 1)
    .filter(({ type }) => type === 'text')
    .map((line) => textOf(partOf(line)['text']))
    .join('\n')
}

function usageOf(steps: readonly Fields[]): Usage | null {
  let usage: Usage | null = null
  for (const step of steps) {
    const { tokens, cost } = partOf(step)
    const { input, output, reasoning, cache } = fieldsOf(tokens)
    const { read, write } = fieldsOf(cache)
    usage = addUsage(usage, {
      inputTokens: numberOf(input) + numberOf(read) + numberOf(write),
      outputTokens: numberOf(output) + numberOf(reasoning),
      costUsd: numberOf(cost),
    })
  }
  return usage
}
