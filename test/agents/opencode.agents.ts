import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'opencode',
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'rate_limit' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 6000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[refusal]]', outcome: 'failed', cause: 'refused' },
    { prompt: '[[maxtok]] [[say: It was]]', outcome: 'failed', cause: 'agent_error' },
  ],
})

const skip = outside()

t.test('opencode: a model API that nobody serves is overloaded', { skip }, async (t) => {
  const crew = await Crew.open(t, 'opencode', ({ userHome, stub }) => {
    const file = join(userHome, '.config/opencode/opencode.json')
    const config = readFileSync(file, 'utf8')
    writeFileSync(file, config.replace(stub.url, 'http://127.0.0.1:9'))
  })
  await crew.agent('ada')
  t.match(await crew.attempt('[[say: Never.]]'), { outcome: 'failed', cause: 'overloaded' })
})

t.test('opencode: what the user configured for the agent stays', { skip }, async (t) => {
  const own = { permission: { bash: 'allow' } }
  const crew = await Crew.open(t, 'opencode')
  await crew.agent('ada', { env: { ...crew.env, OPENCODE_CONFIG_CONTENT: JSON.stringify(own) } })
  const done = await crew.do('[[shell: touch yes.txt]] [[say: Touched.]]')
  t.match(done, { state: 'completed', result: { output: 'Touched.' } })
  t.ok(existsSync(join(await crew.worktree('ada'), 'yes.txt')))
})
