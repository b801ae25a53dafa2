import type { SquadEvent } from '../domain/event.ts'
import { redact } from '../domain/redact.ts'
import { cut, oneLine } from '../domain/text.ts'

const longest = 500

/** An event in one line for a person: what, who, why. */
export function wordsFor({ type, agentId, taskId, data }: SquadEvent): string {
  const what = [type, agentId, taskId].filter((one) => one !== undefined).join(' ')
  const why = [data['question'], data['reason'], data['text']].find(
    (one): one is string => typeof one === 'string' && one !== '',
  )
  const text = why === undefined ? what : `${what}: ${why}`
  return cut(redact(oneLine(text)), longest)
}
