import t from 'tap'
import { causeOf } from '../../../src/workers/programs/causes.ts'
import { retryTimeIn } from '../../../src/workers/programs/retry-time.ts'

const now = Date.UTC(2026, 10, 24, 16, 20, 30)
const minutes = (count: number) => Date.UTC(2026, 10, 24, 16, 20) + count * 60_000

t.test('the words of a failure tell when it may go again', (t) => {
  const times: [string, number | null][] = [
    ['Claude AI usage limit reached|1795555200', 1_795_555_200_000],
    ["You've hit your session limit · resets 6pm (UTC)", minutes(100)],
    ['resets 3:05am (Europe/Berlin)', minutes(9 * 60 + 45)],
    ['resets 4:20pm (UTC)', minutes(24 * 60)],
    ['try again in 2 days 3 hours 4 minutes.', now + ((2 * 24 + 3) * 60 + 4) * 60_000],
    ['Your quota will reset after 18h31m10s.', now + (18 * 3600 + 31 * 60 + 10) * 1000],
    ['Please retry in 34.074824224s.', now + 34_075],
    ['resets at 2026-11-25T00:00:00Z', Date.UTC(2026, 10, 25)],
    ['resets 3pm (Nowhere/Land)', null],
    ['it failed in 3 places', null],
    ['', null],
  ]
  for (const [words, at] of times) t.equal(retryTimeIn(words, now), at, words)
  t.end()
})

t.test('status and words together name the cause', (t) => {
  const causes: [number | null, string, string][] = [
    [429, 'too many requests', 'rate_limit'],
    [429, 'You exceeded your current quota', 'quota'],
    [400, 'prompt is too long: 3 > 2', 'context_overflow'],
    [400, 'bad', 'agent_error'],
    [403, 'no', 'auth'],
    [529, 'no', 'overloaded'],
    [null, 'fetch failed', 'overloaded'],
    [null, 'Your credit balance is too low', 'quota'],
    [null, 'Please run /login', 'auth'],
    [null, 'something else', 'agent_error'],
  ]
  for (const [status, words, cause] of causes) t.equal(causeOf(status, words), cause, words)
  t.end()
})
