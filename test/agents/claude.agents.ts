import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'claude',
  asking: (command) => `[[shell: sh -c '${command}']]`,
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
  untouched: [/^\.claude\/settings(\.local)?\.json$/, /^\.[a-z]+rc$/],
  refused: 'unknown',
})

const skip = outside()

t.test('claude: a subagent and a background command delay the end', { skip }, async (t) => {
  const crew = await Crew.open(t, 'claude')
  await crew.agent('ada')
  const delegated = await crew.do('[[agent: ((delay: 3)) ((say: SUB))]] [[say: After it.]]')
  t.match(delegated, { state: 'completed', result: { output: 'After it.' } })
  t.ok(delegated.result!.durationMs >= 3000)
  const asked = crew.stub.requests().filter(({ lastByteAt }) => lastByteAt !== null)
  t.ok(
    asked.every(({ lastByteAt }) => lastByteAt! <= delegated.endedAt!),
    'nothing came later',
  )
  const command = { command: 'sleep 3; echo late', run_in_background: true }
  const begun = await crew.do(`[[tool: Bash ${JSON.stringify(command)}]] [[say: Begun.]]`)
  t.match(begun, { state: 'completed' })
  t.ok(begun.result!.durationMs >= 3000, 'it waits for what it began')
})

t.test('claude: a hook of the user that blocks the end is waited for', { skip }, async (t) => {
  const crew = await Crew.open(t, 'claude', ({ userHome, dir }) => {
    const flag = join(dir, 'blocked-once')
    const block = '{"decision":"block","reason":"Say it again. [[say: Again.]]"}'
    const command = `[ -e '${flag}' ] || { touch '${flag}'; sleep 1; echo '${block}'; }`
    const hooks = { Stop: [{ hooks: [{ type: 'command', command }] }] }
    mkdirSync(join(userHome, '.claude'), { recursive: true })
    writeFileSync(join(userHome, '.claude', 'settings.json'), JSON.stringify({ hooks }))
  })
  await crew.agent('ada')
  const done = await crew.do('[[say: The first end.]]')
  t.match(done, { state: 'completed' })
  t.notMatch(done.result?.output, 'The first end', 'the answer is the last one')
  const last = crew.stub.requests().findLast(({ side, api }) => api !== null && !side)!
  t.ok(done.endedAt! >= last.lastByteAt!, 'recorded after the real end')
})

t.test('claude: one that was never set up says so', { skip }, async (t) => {
  const crew = await Crew.open(t, 'claude', ({ userHome }) =>
    writeFileSync(join(userHome, '.claude.json'), '{"hasCompletedOnboarding":true,"theme":"dark"}'),
  )
  await crew.agent('ada')
  const failed = await crew.attempt('[[say: hello]]')
  t.match(failed, { outcome: 'failed', cause: 'auth', reason: /run claude once as this user/ })
})
