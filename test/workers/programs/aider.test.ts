import t from 'tap'
import { aider } from '../../../src/workers/programs/aider.ts'
import { judge } from '../../../src/workers/programs/program.ts'
import { endedAt } from '../../support/recording.ts'

const read = (...lines: string[]) => aider.read!(lines, { printed: '', endedAt })
const judged = (status: number, ...lines: string[]) =>
  judge({ status, verify: null }, null, read(...lines))

const used = 'Tokens: 2.5k sent, 120 received. Cost: $0.01 message, $0.03 session.'
const limited = 'litellm.RateLimitError: AnthropicException - rate_limit_error'

t.test('aider has done it when the last thing is an answer, whatever its exit status', (t) => {
  t.match(judged(0, 'Applied edit to a.txt', used), { outcome: 'succeeded' })
  t.match(judged(0, limited, 'Retrying in 0.2 seconds...', used), { outcome: 'succeeded' })
  t.match(judged(0, used, limited), { outcome: 'failed', cause: 'rate_limit' })
  t.match(judged(0), { outcome: 'unknown' }, 'it said nothing of an answer')
  t.match(judged(1, 'Message file not found'), { outcome: 'failed', cause: 'agent_error' })
  t.end()
})

t.test('aider names what failed', (t) => {
  const causes = {
    'litellm.AuthenticationError: AnthropicException - invalid x-api-key': 'auth',
    'litellm.InternalServerError: AnthropicException - Overloaded': 'overloaded',
    'litellm.ContextWindowExceededError: prompt is too long': 'context_overflow',
    'litellm.ContentPolicyViolationError: blocked by content policy': 'refused',
    'Model claude-x has hit a token limit!': 'context_overflow',
    'Empty response received from LLM. Check your provider account?': 'agent_error',
  }
  for (const [line, cause] of Object.entries(causes)) t.match(judged(0, line), { cause }, line)
  t.end()
})

t.test('aider tells its tokens and costs, one line an answer', (t) => {
  t.same(read(used, used).usage, { inputTokens: 5000, outputTokens: 240, costUsd: 0.02 })
  const cached = 'Tokens: 1,234 sent, 900 cache hit, 1.1M received.'
  t.same(read(cached).usage, { inputTokens: 1234, outputTokens: 1_100_000, costUsd: null })
  t.equal(read('hello').usage, null)
  t.end()
})
