import type { SquadEvent } from '../domain/event.ts'
import { redact } from '../domain/redact.ts'
import { sanitizeTerminal } from '../domain/text.ts'

const longest = 500

/** An event in one line for a person: what, who, why. */
export function wordsFor({ type, agentId, taskId, data }: SquadEvent): string {
  const what = [type, agentId, taskId].filter((one) => one !== undefined).join(' ')
  const why = [data['question'], data['reason'], data['text']].find(
    (one): one is string => typeof one === 'string' && one !== '',
  )
  const text = why === undefined ? what : `${what}: ${why}`
  const line = redact(sanitizeTerminal(text).replace(/\s+/g, ' ').trim())
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}
