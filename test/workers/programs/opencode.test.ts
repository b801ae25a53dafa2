import t from 'tap'
import { opencode } from '../../../src/workers/programs/opencode.ts'
import { Recordings } from '../../support/recording.ts'

const recorded = new Recordings(opencode, '1.18.33')

recorded.testEnds({
  answer: [0, 'succeeded', null],
  resumed: [0, 'succeeded', null],
  tool: [0, 'succeeded', null],
  subagent: [0, 'succeeded', null],
  '500-twice-then-answer': [0, 'succeeded', null],
  'permission-refused': [0, 'failed', 'bad_config'],
  empty: [0, 'failed', 'agent_error'],
  'token-limit': [0, 'failed', 'agent_error'],
  refusal: [1, 'failed', 'refused'],
  '400': [1, 'failed', 'agent_error'],
  '401': [1, 'failed', 'auth'],
  '429': [1, 'failed', 'rate_limit'],
  '529': [1, 'failed', 'overloaded'],
  // It went on without the prompt, which was too long, and answered something else.
  'context-overflow': [1, 'failed', 'context_overflow'],
  dropped: [1, 'failed', 'overloaded'],
  unreachable: [1, 'failed', 'overloaded'],
  'lost-conversation': [1, 'failed', 'agent_error'],
  limit: [143, 'failed', 'crashed'],
  hang: [143, 'failed', 'crashed'],
  interrupted: [130, 'failed', 'crashed'],
})

t.test('opencode says what it answered, in which session, at what cost of its own', (t) => {
  const answer = recorded.read('answer')
  t.match(answer, { text: 'HELLO', usage: { inputTokens: 1200, outputTokens: 34, costUsd: 0 } })
  const resumed = recorded.read('resumed')
  t.match(resumed, { usage: { inputTokens: 1200 }, conversation: answer.conversation })
  t.match(recorded.read('tool'), { text: 'WROTE', usage: { inputTokens: 2400 } }, 'all its steps')
  t.match(recorded.read('permission-refused').notes, [/refused: bash: touch/])
  t.match(recorded.read('lost-conversation'), { isConversationLost: true, conversation: null })
  t.end()
})

recorded.testCuts()
