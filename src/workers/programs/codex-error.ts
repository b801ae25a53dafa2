import type { Cause } from '../../supervisor/domain/task.ts'
import type { Judgement } from './program.ts'
import { cutOff, failedBy, statusOf } from './stream.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, numberOf, textOf } from './fields.ts'

/** Codex's own names of failures, where its words might be taken for another. */
const causes: Record<string, Cause> = {
  context_window_exceeded: 'context_overflow',
  usage_limit_exceeded: 'quota',
  cyber_policy: 'refused',
  unauthorized: 'auth',
  server_overloaded: 'overloaded',
  internal_server_error: 'overloaded',
}

/** The failure that an `error` of Codex means; `limits` is what the API last told of them. */
export function codexFailure(error: Fields, limits: Fields, now: number): Judgement {
  const message = textOf(error['message'])
  if (message.includes('max_output_tokens')) return cutOff
  const info = error['codex_error_info']
  const [name = textOf(info)] = Object.keys(fieldsOf(info))
  // Its words for a status may hold an address with a port that looks like another one.
  const status =
    statusOf(fieldsOf(fieldsOf(info)[name])['http_status_code']) ??
    statusOf(Number(/\bstatus:? (\d{3})\b/.exec(message)?.[1]))
  const ofWords = message.startsWith('Codex ran out of room') ? 'context_overflow' : undefined
  const judgement = failedBy(status, wordsOf(message), now, causes[name] ?? ofWords)
  if (judgement.cause !== 'quota') return judgement
  return { ...judgement, retryAt: resetIn(limits, now) ?? judgement.retryAt ?? null }
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

/** When every limit that is used up is over, ms since 1970. */
function resetIn(limits: Fields, now: number): number | null {
  const resets = ['primary', 'secondary']
    .map((name) => fieldsOf(limits[name]))
    .filter((window) => numberOf(window['used_percent']) >= 100)
    .map((window) => numberOf(window['resets_at']) * 1000)
    .filter((at) => at > now)
  return resets.length > 0 ? Math.max(...resets) : null
}
