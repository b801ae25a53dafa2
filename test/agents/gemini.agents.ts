import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'gemini',
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    // It asks again without a word of why.
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 6000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[refusal]]', outcome: 'failed', cause: 'refused' },
    { prompt: '[[maxtok]] [[say: It was]]', outcome: 'failed', cause: 'agent_error' },
  ],
})

const skip = outside()
const hook = (name: string, command: string) => [
  { matcher: '*', hooks: [{ name, type: 'command', command, timeout: 10_000 }] },
]

t.test(
  'gemini: what the repository configures runs only where it is trusted',
  { skip },
  async (t) => {
    const crew = await Crew.open(t, 'gemini', (crew) => {
      const { repo, dir } = crew
      const ran = (what: string) => `touch '${join(dir, what)}'`
      mkdirSync(join(repo, '.gemini'))
      const server = { command: 'sh', args: ['-c', `${ran('server')}; sleep 5`] }
      const settings = {
        hooks: { BeforeAgent: hook('its', ran('hook')) },
        mcpServers: { its: server },
      }
      writeFileSync(join(repo, '.gemini/settings.json'), JSON.stringify(settings))
      crew.git('add', '.')
      crew.git('commit', '-q', '-m', 'settings')
    })
    const ran = () => ['hook', 'server'].filter((what) => existsSync(join(crew.dir, what)))
    await crew.agent('ada')
    t.match(await crew.do('[[write: a.txt|x]] [[say: One.]]', only('ada')), { state: 'completed' })
    t.same(ran(), [])
    await crew.agent('bob', { trust: true })
    t.match(await crew.do('[[write: a.txt|x]] [[say: Two.]]', only('bob')), { state: 'completed' })
    t.same(ran(), ['hook', 'server'])
  },
)

t.test('gemini: nothing survives the stop of its agent', { skip }, async (t) => {
  const crew = await Crew.open(t, 'gemini')
  await crew.agent('ada', { permission: 'auto' })
  // The turn goes on when it has begun.
  const left =
    'mkfifo up; (setsid sh -c "echo > up; exec sleep 612" >/dev/null 2>&1 &); read x < up'
  t.match(await crew.do(`[[shell: ${left}]] [[say: Begun.]]`), { state: 'completed' })
  const { hostPid } = await crew.view('ada')
  const ofAgent = () =>
    crew
      .leftovers()
      .filter((one) => one.startsWith('process') && !one.includes('start --foreground'))
      .filter((one) => !one.startsWith(`process ${hostPid} `))
  t.match(ofAgent().join(), /sleep 612/, 'what it began is there')
  t.match(ofAgent().join(), /gemini/)
  await crew.client.call('agents.stop', { id: 'ada' })
  t.same(ofAgent(), [])
})

const only = (agent: string) => ({ affinity: [agent], affinityMode: 'required' as const })
