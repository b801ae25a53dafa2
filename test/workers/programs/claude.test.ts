import t from 'tap'
import { claude } from '../../../src/workers/programs/claude.ts'
import { Recordings } from '../../support/recording.ts'

const recorded = new Recordings(claude, '2.1.330')

recorded.testEnds({
  answer: [0, 'succeeded', null],
  resumed: [0, 'succeeded', null],
  tool: [0, 'succeeded', null],
  subagent: [0, 'succeeded', null],
  'permission-refused': [0, 'succeeded', null],
  '500-twice-then-answer': [0, 'succeeded', null],
  'dropped-then-answer': [0, 'succeeded', null],
  'empty-then-answer': [0, 'succeeded', null],
  'token-limit-then-answer': [0, 'succeeded', null],
  '400': [1, 'failed', 'agent_error'],
  '401': [1, 'failed', 'auth'],
  '429': [1, 'failed', 'rate_limit'],
  '529': [1, 'failed', 'overloaded'],
  limit: [1, 'failed', 'rate_limit'],
  'context-overflow': [1, 'failed', 'context_overflow'],
  unreachable: [1, 'failed', 'overloaded'],
  refusal: [1, 'failed', 'refused'],
  interrupted: [0, 'failed', 'agent_error'],
  'lost-conversation': [1, 'failed', 'agent_error'],
  hang: [143, 'failed', 'crashed'],
})

t.test('claude says what it answered, in which conversation, at what cost of its own', (t) => {
  const answer = recorded.read('answer')
  const usage = { inputTokens: 1200, outputTokens: 34, costUsd: 0.00548 }
  t.match(answer, { text: 'HELLO', usage, notes: [] })
  const resumed = recorded.read('resumed')
  t.match(resumed, { usage, conversation: answer.conversation }, 'only what the second turn cost')
  const subagent = recorded.read('subagent')
  t.match(subagent, { text: 'PARENT', usage: { inputTokens: 4800, outputTokens: 136 } })
  t.match(recorded.read('permission-refused').notes, ['a permission was refused: Bash: touch'])
  t.match(recorded.read('529').notes, ['the model API was asked again 2 times: overloaded'])
  t.match(recorded.read('hang'), { result: null, conversation: /-/ }, 'named at once')
  t.match(recorded.read('lost-conversation'), { isConversationLost: true, conversation: null })
  t.end()
})

t.test('results of claude that no model here would give', (t) => {
  const judged = (fields: Record<string, unknown>) =>
    recorded.read('answer', [JSON.stringify({ type: 'result', is_error: false, ...fields })]).result
  t.match(judged({ result: ' ' }), { cause: 'agent_error', reason: 'it ended without an answer' })
  t.match(judged({ result: 'half', stop_reason: 'max_tokens' }), { reason: /token limit/ })
  t.match(judged({ subtype: 'error_max_turns', is_error: true }), { reason: /limit of turns/ })
  t.match(judged({ subtype: 'error_max_budget_usd', is_error: true }), { reason: /limit of costs/ })
  const limit = { is_error: true, result: "You've hit your session limit · resets 6pm (UTC)" }
  const retryAt = Date.UTC(2026, 10, 24, 18)
  t.match(judged(limit), { outcome: 'failed', cause: 'quota', retryAt })
  t.match(judged({ is_error: true, result: 'Not logged in · Please run /login' }), {
    cause: 'auth',
  })
  t.match(judged({ is_error: undefined, result: 'x' }), { outcome: 'failed' }, 'not said: not so')
  t.end()
})

recorded.testCuts()
