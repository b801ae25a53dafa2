import t from 'tap'
import { gemini } from '../../../src/workers/programs/gemini.ts'
import { Recordings, endedAt } from '../../support/recording.ts'

const recorded = new Recordings(gemini, '0.61.0')

recorded.testEnds({
  answer: [0, 'succeeded', null],
  resumed: [0, 'succeeded', null],
  tool: [0, 'succeeded', null],
  'shell-not-offered': [0, 'succeeded', null],
  '500-twice-then-answer': [0, 'succeeded', null],
  // The stream does not tell why the model ended its text.
  refusal: [0, 'succeeded', null],
  'token-limit': [0, 'succeeded', null],
  empty: [0, 'failed', 'agent_error'],
  '400': [144, 'failed', 'agent_error'],
  '401': [145, 'failed', 'auth'],
  '429': [173, 'failed', 'rate_limit'],
  limit: [173, 'failed', 'rate_limit'],
  '529': [17, 'failed', 'overloaded'],
  'context-overflow': [144, 'failed', 'context_overflow'],
  dropped: [1, 'failed', 'overloaded'],
  unreachable: [1, 'failed', 'overloaded'],
  'lost-conversation': [42, 'failed', 'agent_error'],
  interrupted: [0, 'unknown', null],
  hang: [0, 'unknown', null],
})

t.test('gemini says what it answered, in which session, at what cost of its own', (t) => {
  const answer = recorded.read('answer')
  t.match(answer, { text: 'HELLO', usage: { inputTokens: 2400, outputTokens: 68, costUsd: null } })
  const resumed = recorded.read('resumed')
  t.match(resumed, { usage: { inputTokens: 2400 }, conversation: answer.conversation })
  t.equal(recorded.read('tool').text, 'WROTE')
  t.equal(recorded.read('401').conversation, null, 'a session without an answer is no use')
  t.match(recorded.read('lost-conversation'), { isConversationLost: true, conversation: null })
  t.match(recorded.read('empty').notes, [/^The model returned an empty response/])
  t.end()
})

t.test('gemini that is not logged in says so where it prints', (t) => {
  for (const printed of [
    'When using Gemini API, you must specify the GEMINI_API_KEY environment variable.',
    'Invalid auth method selected.',
  ])
    t.match(gemini.read!([], { printed, endedAt }).result, { cause: 'auth' })
  t.equal(gemini.read!([], { printed: 'a crash', endedAt }).result, null)
  t.end()
})

recorded.testCuts()
