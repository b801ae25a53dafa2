import t from 'tap'
import { codex } from '../../../src/workers/programs/codex.ts'
import { Recordings } from '../../support/recording.ts'

const recorded = new Recordings(codex, '0.169.0')

recorded.testEnds({
  answer: [0, 'succeeded', null],
  resumed: [0, 'succeeded', null],
  tool: [0, 'succeeded', null],
  subagent: [0, 'succeeded', null],
  // Over this API a refusal is a text like any other.
  refusal: [0, 'succeeded', null],
  '500-twice-then-answer': [0, 'succeeded', null],
  empty: [0, 'failed', 'agent_error'],
  'token-limit': [1, 'failed', 'agent_error'],
  '400': [1, 'failed', 'agent_error'],
  '401': [1, 'failed', 'auth'],
  '429': [1, 'failed', 'rate_limit'],
  '529': [1, 'failed', 'overloaded'],
  'context-overflow': [1, 'failed', 'context_overflow'],
  dropped: [1, 'failed', 'overloaded'],
  'lost-conversation': [1, 'failed', 'agent_error'],
  interrupted: [1, 'unknown', null],
  hang: [143, 'failed', 'crashed'],
  limit: [143, 'failed', 'crashed'],
  unreachable: [143, 'failed', 'crashed'],
})

t.test('codex says what it answered, in which thread, and what the thread has used', (t) => {
  const answer = recorded.read('answer')
  t.match(answer, { text: 'HELLO', usage: { inputTokens: 1200, outputTokens: 34, costUsd: null } })
  const resumed = recorded.read('resumed')
  t.match(resumed, { usage: { inputTokens: 2400 }, conversation: answer.conversation })
  t.ok(codex.sumsUsage, 'the host takes off what the thread had used before')
  t.match(recorded.read('unreachable').notes[0], /waiting for network/)
  t.match(recorded.read('lost-conversation'), { isConversationLost: true, conversation: null })
  t.end()
})

t.test('a limit of codex names the time when it ends', (t) => {
  const message = "You've hit your usage limit. Try again in 1 hour 30 minutes."
  const line = JSON.stringify({ type: 'turn.failed', error: { message } })
  const retryAt = Date.UTC(2026, 10, 24, 17, 30)
  t.match(recorded.read('answer', [line]).result, { cause: 'quota', reason: message, retryAt })
  t.end()
})

recorded.testCuts()
