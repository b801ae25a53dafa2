import type { Cause } from '../../supervisor/domain/task.ts'

const patterns: readonly [RegExp, Cause][] = [
  [/safeguards flagged|usage polic|content.?(filter|policy)|safety (reasons|policy)/i, 'refused'],
  [
    /prompt is too long|context.?(window|length|limit|overflow)|token count exceeds|token limit!/i,
    'context_overflow',
  ],
  [
    /(usage|session|weekly|spend\w*|account) limit|limit reached|out of (extra )?usage|credit balance/i,
    'quota',
  ],
  [/insufficient.?quota|exceeded your (current )?quota|daily quota|quota will reset/i, 'quota'],
  [
    /\b(401|403)\b|unauthori[sz]ed|unauthenticated|authenticat|api.?key|log ?in\b|missing environment variable/i,
    'auth',
  ],
  [/\b429\b|rate.?limit|too many requests|resource.?exhausted/i, 'rate_limit'],
  [
    /\b5\d\d\b|overloaded|unavailable|timed? ?out|connect|network|fetch failed|terminated|socket/i,
    'overloaded',
  ],
]

/**
 * The cause behind a model API's status and the program's words for it. The order is the meaning: a
 * limit that lasts for hours comes as 429 too, and only the words tell.
 */
export function causeOf(status: number | null, words: string): Cause {
  const ofWords = (text: string) => patterns.find(([pattern]) => pattern.test(text))?.[1]
  const early = ofWords(words)
  if (early === 'refused' || early === 'context_overflow' || early === 'quota') return early
  return (status === null ? undefined : ofWords(String(status))) ?? early ?? 'agent_error'
}
