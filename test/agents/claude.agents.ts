import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'claude',
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'rate_limit' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 5000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[refusal]]', outcome: 'failed', cause: 'refused' },
  ],
})

const skip = outside()

for (const mode of ['interactive', 'headless'] as const)
  t.test(`claude, ${mode}: a subagent delays the end`, { skip }, async (t) => {
    const crew = await Crew.open(t, 'claude')
    await crew.agent('ada', { mode })
    const delegated = await crew.do('[[agent: ((delay: 3)) ((say: SUB))]] [[say: After it.]]')
    t.match(delegated, { state: 'completed', result: { output: 'After it.' } })
    t.ok(delegated.result!.durationMs >= 3000)
    const asked = crew.stub.requests().filter(({ lastByteAt }) => lastByteAt !== null)
    t.ok(
      asked.every(({ lastByteAt }) => lastByteAt! <= delegated.endedAt!),
      'nothing came later',
    )
  })

t.test('claude: a command in the background delays the end', { skip }, async (t) => {
  const crew = await Crew.open(t, 'claude')
  await crew.agent('ada')
  const command = { command: 'sleep 3; echo late', run_in_background: true }
  const begun = await crew.do(`[[tool: Bash ${JSON.stringify(command)}]] [[say: Begun.]]`)
  t.match(begun, { state: 'completed' })
  t.ok(begun.result!.durationMs >= 3000, 'it waits for what it began')
})

t.test('claude: one that was never set up says so', { skip }, async (t) => {
  const crew = await Crew.open(t, 'claude', ({ userHome }) =>
    writeFileSync(join(userHome, '.claude.json'), '{"hasCompletedOnboarding":true,"theme":"dark"}'),
  )
  await crew.agent('ada')
  const failed = await crew.attempt('[[say: hello]]')
  t.match(failed, { outcome: 'failed', cause: 'auth', reason: /run claude once as this user/ })
})
