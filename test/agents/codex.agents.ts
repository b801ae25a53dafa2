import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Crew } from './crew.ts'
import { interactive } from './interactive.ts'
import { outside } from './namespace.ts'

interactive({
  program: 'codex',
  faults: [
    { prompt: '[[status: 400]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[status: 401]]', outcome: 'failed', cause: 'auth' },
    { prompt: '[[status: 429]]', outcome: 'failed', cause: 'rate_limit' },
    { prompt: '[[status: 529]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[drop]] [[long: 50]]', outcome: 'failed', cause: 'overloaded' },
    { prompt: '[[overflow]]', outcome: 'failed', cause: 'context_overflow' },
    { prompt: '[[hang]]', outcome: 'timed_out', cause: 'timed_out', timeoutMs: 5000 },
    { prompt: '[[empty]]', outcome: 'failed', cause: 'agent_error' },
    { prompt: '[[maxtok]]', outcome: 'failed', cause: 'agent_error' },
  ],
})

const skip = outside()

t.test('codex: subagents delay the end', { skip }, async (t) => {
  const crew = await Crew.open(t, 'codex')
  await crew.agent('ada')
  const delegated = await crew.do('[[agent: ((delay: 4)) ((say: SUB))]] [[say: Asked.]]')
  t.match(delegated, { state: 'completed', result: { output: 'Asked.' } })
  t.ok(delegated.result!.durationMs >= 4000)
  const failing = await crew.do('[[agent: ((delay: 2)) ((status: 400))]] [[say: Asked.]]')
  t.match(failing, { state: 'completed' }, 'one that fails has ended too')
  t.match(await crew.do('[[say: Next.]]'), { state: 'completed', result: { output: 'Next.' } })
})

t.test('codex: a prompt is never typed into a turn that runs', { skip }, async (t) => {
  const crew = await Crew.open(t, 'codex')
  await crew.agent('ada')
  await crew.do('[[say: Ready.]]')
  const { exitCode, stderr } = await crew.run(
    'agent',
    'send',
    'ada',
    '[[id: p]] [[delay: 4]] [[say: Theirs.]]',
  )
  t.equal(exitCode, 0, stderr)
  await crew.asked('p')
  t.match(await crew.do('[[say: Ours.]]'), { state: 'completed', result: { output: 'Ours.' } })
  const theirs = crew.stub.requests().filter(({ marker, side }) => marker === 'p' && !side)
  t.equal(theirs.length, 1)
  t.equal(theirs[0]?.abortedAt, null, 'their turn came to its end')
})

t.test('codex: each prompt has exactly one end, in two agents of one home', { skip }, async (t) => {
  const crew = await Crew.open(t, 'codex')
  const before = crew.userFiles(/^\.codex\/config\.toml$/)
  const names = ['ada', 'bob']
  await Promise.all(names.map((id) => crew.agent(id)))
  await Promise.all(
    names.map(async (id) => {
      const own = { affinity: [id], affinityMode: 'required' as const }
      for (let i = 1; i <= 4; i++) {
        const done = await crew.do('[[recall]]', own)
        t.match(done, { state: 'completed', agent: id, attempt: 1 })
        t.match(done.result?.output, `users=${i} `, 'the conversation is its own')
      }
    }),
  )
  const ends = new Map<string, number>()
  for await (const { type, taskId } of crew.client.events({ since: 0, follow: false }))
    if (type === 'TaskCompleted') ends.set(taskId!, (ends.get(taskId!) ?? 0) + 1)
  t.same([...ends.values()], Array(8).fill(1))
  const [file = '', [was = '']] = [Object.keys(before)[0], Object.values(before)]
  const config = readFileSync(join(crew.userHome, file), 'utf8')
  t.ok(config.startsWith(was.trimEnd()), 'what the user wrote is as it was')
  t.notMatch(config, /hooks|projects|squadd|terminal_title/, 'nothing of ours is added')
})

t.test(
  'codex: what the repository configures runs only where it is trusted',
  { skip },
  async (t) => {
    const crew = await Crew.open(t, 'codex', ({ userHome, repo }) => {
      const trusted = `[projects."${repo}"]\ntrust_level = "trusted"\n`
      appendFileSync(join(userHome, '.codex', 'config.toml'), trusted)
    })
    const command = `cat >/dev/null; touch '${join(crew.dir, 'canary')}'.$$`
    const hooks = { UserPromptSubmit: [{ hooks: [{ type: 'command', command, timeout: 3 }] }] }
    mkdirSync(join(crew.repo, '.codex'))
    writeFileSync(join(crew.repo, '.codex', 'hooks.json'), JSON.stringify({ hooks }))
    crew.git('add', '.')
    crew.git('commit', '-q', '-m', 'hooks')
    const canaries = () => readdirSync(crew.dir).filter((name) => name.startsWith('canary')).length
    await crew.agent('ada')
    await crew.agent('bob', { trust: true })
    const own = (id: string) => ({ affinity: [id], affinityMode: 'required' as const })
    t.match(await crew.do('[[say: One.]]', own('ada')), { state: 'completed' })
    t.equal(canaries(), 0, 'not by default, though he trusts his own checkout')
    t.match(await crew.do('[[say: Two.]]', own('bob')), { state: 'completed' })
    t.equal(canaries(), 1, 'with trust')
  },
)

t.test('codex: no key, no API, no share left', { skip }, async (t) => {
  const crew = await Crew.open(t, 'codex')
  await crew.agent('ada', { env: {} })
  t.match(await crew.attempt('[[say: One.]]'), { outcome: 'failed', cause: 'auth' })
  await crew.client.call('agents.remove', { id: 'ada' })
  const config = join(crew.userHome, '.codex', 'config.toml')
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace(crew.stub.url, 'http://127.0.0.1:9'))
  await crew.agent('bob')
  t.match(await crew.attempt('[[say: One.]]'), { outcome: 'failed', cause: 'overloaded' })
  await crew.client.call('agents.remove', { id: 'bob' })
  writeFileSync(config, text)
  await crew.agent('cid')
  const spent = await crew.attempt('[[limit]]')
  t.match(spent, { outcome: 'failed', cause: 'quota' })
  const waitMs = Number(spent['notBeforeAt']) - Date.now()
  t.ok(waitMs > 3_000_000 && waitMs < 4_000_000, `not before the limit is over (${waitMs} ms)`)
})
