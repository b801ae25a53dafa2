import type { Cause } from '../../supervisor/domain/task.ts'
import type { Fields } from './terminal.ts'
import { fieldsOf, numberOf, textOf } from './terminal.ts'

/** What Codex says of a failure: its words, and its own name of the kind with an HTTP status. */
export type CodexError = { message: string; info: string; status: number }

/** Reads the `error` of a `task_complete`; null when there is none. */
export function codexError(value: unknown): CodexError | null {
  const error = fieldsOf(value)
  if (Object.keys(error).length === 0) return null
  const named = error['codex_error_info']
  const info = textOf(named) || (Object.keys(fieldsOf(named))[0] ?? '')
  const message = words(textOf(error['message']))
  const status =
    numberOf(fieldsOf(fieldsOf(named)[info])['http_status_code']) ||
    Number(/\bstatus:? (\d{3})\b/.exec(message)?.[1] ?? 0)
  return { message, info, status }
}

/** The API's own words, where its answer was passed on whole. */
function words(message: string): string {
  try {
    const said = fieldsOf(fieldsOf(JSON.parse(message))['error'])
    return textOf(said['message']) || message
  } catch {
    return message
  }
}

/** The cause behind it; the first that fits. */
export function codexCause({ message, info, status }: CodexError): Cause {
  const is = (names: RegExp) => names.test(info)
  if (is(/context_window/) || /context window|context length/i.test(message))
    return 'context_overflow'
  if (is(/usage_limit|budget/) || /usage limit|quota|spend.?limit|out of credits/i.test(message))
    return 'quota'
  if (is(/cyber_policy/) || /usage polic|safety|flagged/i.test(message)) return 'refused'
  if (/max_output_tokens/.test(message)) return 'agent_error'
  if (
    is(/unauthorized/) ||
    status === 401 ||
    status === 403 ||
    /environment variable/i.test(message)
  )
    return 'auth'
  if (status === 429) return 'rate_limit'
  if (is(/overloaded|internal_server|connection_failed|disconnected/) && status < 400)
    return 'overloaded'
  if (status >= 500 || status === 408) return 'overloaded'
  return /stream (error|disconnected)|sending request|timed out|connect/i.test(message)
    ? 'overloaded'
    : 'agent_error'
}

/**
 * When a limit is over, ms since 1970: as the API told it with the answer, else as the words say
 * (`try again in 2 hours 5 minutes`, `try again at 3:45 PM`, `… at Dec 3rd, 2026 3:45 PM`).
 */
export function codexRetryAt(message: string, limits: Fields, now: number): number | null {
  const told = ['primary', 'secondary']
    .map((name) => fieldsOf(limits[name]))
    .filter((window) => numberOf(window['used_percent']) >= 100)
    .map((window) => numberOf(window['resets_at']) * 1000)
    .filter((at) => at > now)
  if (told.length > 0) return Math.max(...told)
  const [, kind, rest = ''] = /try again (in|at) ([^.]+)/i.exec(message) ?? []
  if (kind === undefined) return null
  return kind.toLowerCase() === 'in' ? inTime(rest, now) : atTime(rest, now)
}

const unitMs = { day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1000 } as const

function inTime(text: string, now: number): number | null {
  const parts = [...text.matchAll(/(\d+) (day|hour|minute|second)s?/g)]
  const sum = parts.reduce((ms, [, n, unit]) => ms + Number(n) * unitMs[unit as 'day'], 0)
  return sum > 0 ? now + sum : null
}

/** Codex names it in the local time of this machine. */
function atTime(text: string, now: number): number | null {
  const day = /[a-z]{3} \d/i.test(text) ? '' : `${new Date(now).toDateString()} `
  const at = Date.parse(`${day}${text.replace(/(\d)(st|nd|rd|th)\b/, '$1')}`)
  if (Number.isNaN(at)) return null
  return day !== '' && at <= now ? at + unitMs.day : at
}
