import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'gemini',
  asking: (command) => `[[shell: ${command}]]`,
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
  untouched: [/^\.gemini\/[^/]+\.json$/, /^\.gemini\/extensions/, /^\.[a-z]+rc$/],
  refused: 'unknown',
})

const skip = outside()
const hook = (name: string, command: string) => [
  { matcher: '*', hooks: [{ name, type: 'command', command, timeout: 10_000 }] },
]

t.test('gemini: where a hook of the user sends it on, the real end counts', { skip }, async (t) => {
  const reason = '[[id: again]] [[delay: 2]] [[say: Second.]]'
  const crew = await Crew.open(t, 'gemini', ({ userHome, dir }) => {
    const file = join(userHome, '.gemini/settings.json')
    const settings = JSON.parse(readFileSync(file, 'utf8')) as object
    const flag = join(dir, 'blocked')
    const answer = JSON.stringify({ decision: 'deny', reason })
    const once = `cat >/dev/null; test -e '${flag}' && exit 0; touch '${flag}'; sleep 1; printf '%s' '${answer}'`
    writeFileSync(file, JSON.stringify({ ...settings, hooks: { AfterAgent: hook('own', once) } }))
  })
  await crew.agent('ada')
  const done = await crew.do('[[say: First.]]')
  t.match(done, { state: 'completed', result: { output: /^Second\.\s*$/ } })
  t.ok(crew.stub.requests().find(({ marker }) => marker === 'again')?.lastByteAt)
})

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

const only = (agent: string) => ({ affinity: [agent], affinityMode: 'required' as const })
