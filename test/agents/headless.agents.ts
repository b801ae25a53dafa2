import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { Crew } from './crew.ts'
import type { Program } from './home.ts'
import { chosenPrograms } from './home.ts'
import { outside } from './namespace.ts'
import { traits } from './traits.ts'

t.setTimeout(3_600_000)

const skip = outside()

/** A squad with one headless agent of a program. */
async function open(t: Test, program: Program): Promise<Crew> {
  const crew = await Crew.open(t, program)
  await crew.agent('ada', { mode: 'headless' })
  return crew
}

const done = (output: string | RegExp) => ({
  ...{ state: 'completed', outcome: 'succeeded' },
  result: { success: true, output },
})

const shaOf = (text: string): string =>
  createHash('sha1').update(text.trim()).digest('hex').slice(0, 8)

/** Lines that a shell, a template or a command line would act upon. */
const hostile = Array.from({ length: 400 }, (_, i) => {
  const line = [
    `$(touch PWNED) \`touch PWNED\` '"\\ ; rm -rf PWNED & | > < * ? ~ # % ! ü 漢字`,
    '/quit',
    '!touch PWNED',
    '--help -x',
    '@nobody/here {{x}} ${HOME} %s',
    'EOF',
    '\u0009tab',
  ]
  return `${i} ${line[i % line.length]}`
}).join('\n')

const quoting = '(esc to interrupt) ❯ 1. Yes. {"type":"error"} Permission required: Allow once'

for (const program of chosenPrograms()) {
  const { untouched, blockOnce } = traits[program]

  t.test(`${program}, headless: answers, tools, prompts as they are`, { skip }, async (t) => {
    const crew = await Crew.open(t, program)
    // In this mode Codex does not even count its starts.
    const settings = [...untouched, /^\.codex\/config\.toml$/]
    const before = crew.userFiles(...settings)
    await crew.agent('ada', { mode: 'headless' })
    const first = await crew.do('[[usage: 1200 34]] [[say: HELLO]] apple')
    t.match(first, done('HELLO'))
    t.ok(first.result!.usage!.inputTokens >= 1200)
    t.match(first.result!.evidence.find(({ source }) => source === 'result')?.detail, 'answered')
    const second = await crew.do('[[recall]]')
    t.match(second, done(/users=2 first=.*m1/), 'the conversation goes on')
    t.same(second.result!.usage, first.result!.usage, 'a task has the usage of its own')

    const made = await crew.do('[[write: made.txt|hi]] [[say: WROTE]]')
    t.match(made, { ...done('WROTE'), result: { git: { filesChanged: 1, dirty: true } } })
    const worktree = await crew.worktree('ada')
    t.equal(readFileSync(join(worktree, 'made.txt'), 'utf8').trim(), 'hi')
    t.match(await crew.do(`[[say: ${quoting}]]`), done(quoting))

    const prompts = ['!touch PWNED', '/init', '/help', '--version', '# note', '@nobody/here', '?']
    for (const prompt of [...prompts, hostile]) {
      const task = await crew.doAsIs(prompt)
      t.match(task, done(RegExp(`sha=${shaOf(prompt)}`)), `whole: ${prompt.slice(0, 20)}`)
    }
    t.notOk(existsSync(join(worktree, 'PWNED')), 'nothing was executed')
    t.same(crew.userFiles(...settings), before, 'the settings of the user are as they were')
    t.equal(crew.git('status', '--porcelain'), '')
    t.equal(crew.git('-C', worktree, 'status', '--porcelain'), '?? made.txt')
  })

  t.test(`${program}, headless: failures are what they were`, { skip }, async (t) => {
    const crew = await open(t, program)
    const fine = async () => t.match(await crew.do('[[say: FINE]]'), done('FINE'))
    const causes = [
      ['[[status: 400]]', 'agent_error'],
      ['[[status: 401]]', 'auth'],
      ['[[status: 429]]', 'rate_limit'],
      ['[[status: 529]]', 'overloaded'],
      ['[[overflow]]', 'context_overflow'],
    ] as const
    for (const [prompt, cause] of causes)
      t.match(await crew.attempt(prompt), { outcome: 'failed', cause }, prompt)
    await fine()
    const late = await crew.do('[[hang]]', { timeoutMs: 10_000 })
    t.match(late, { state: 'failed', outcome: 'timed_out' })
    await fine()
    const silent = await crew.add('[[delay: 60]] [[say: Too late.]]')
    await crew.asked(silent.mark)
    await crew.client.call('tasks.cancel', { id: silent.id })
    t.match(await crew.settled(silent.id), { state: 'cancelled' })
    await fine()

    // Claude asks again by itself, and then there is an answer.
    if (program !== 'claude') t.match(await crew.attempt('[[empty]]'), { outcome: 'failed' })
    const refusal = await crew.do('[[refusal]] [[say: I will not]]')
    // Codex has no word for it over this API, and Gemini does not tell.
    if (program === 'claude' || program === 'opencode')
      t.match(refusal, { outcome: 'failed', cause: 'refused' })
    await fine()
  })

  t.test(`${program}, headless: what it may do without asking`, { skip }, async (t) => {
    const crew = await open(t, program)
    const mark = join(crew.dir, 'lured')
    for (const [name, content] of Object.entries(lure(mark))) {
      mkdirSync(dirname(join(crew.repo, name)), { recursive: true })
      writeFileSync(join(crew.repo, name), JSON.stringify(content))
    }
    crew.git('add', '.')
    crew.git('commit', '-q', '-m', 'a lure')
    await crew.agent('bob', { mode: 'headless', permission: 'auto', base: 'main' })
    const by = (id: string) => ({ affinity: [id], affinityMode: 'required' as const })
    // Codex lets its sandbox write in /tmp as well.
    const made = `/var/tmp/squadd-${process.pid}-${program}`
    t.teardown(() => rmSync(made, { force: true }))
    const prompt = `[[shell: touch ${made}]] [[say: DONE]]`
    t.match(await crew.do(prompt, by('bob')), done('DONE'))
    t.ok(existsSync(made), 'auto: even outside of its worktree')
    t.notOk(existsSync(mark), 'nothing that the repository wants was run')
    rmSync(made)
    const asked = await crew.do(prompt, by('ada'))
    t.equal(asked.state, 'completed', 'ask: it goes on without')
    t.notOk(existsSync(made))
    if (program === 'claude')
      t.match(asked.result!.evidence.at(-1), { detail: /a permission was refused: Bash/ })
  })

  t.test(`${program}, headless: kills and releases lose nothing`, { skip }, async (t) => {
    const crew = await open(t, program)
    await crew.do('[[say: HELLO]]')
    for (const victim of ['supervisor', 'host'] as const) {
      const { id, mark } = await crew.add(`[[delay: 5]] [[say: AFTER ${victim}]]`)
      await crew.asked(mark)
      if (victim === 'supervisor') {
        process.kill(await crew.pid(), 'SIGKILL')
        await crew.start()
      } else process.kill((await crew.view('ada')).hostPid!, 'SIGKILL')
      t.match(await crew.settled(id), { ...done(`AFTER ${victim}`), attempt: 1 })
      t.same(await crew.ends(id), ['TaskCompleted'], `${victim}: exactly one result`)
      const asked = crew.stub.requests().filter(({ marker, side }) => marker === mark && !side)
      t.equal(asked.length, 1, 'the model was asked once')
    }
    await crew.client.call('agents.pause', { id: 'ada', release: true })
    await crew.client.call('agents.resume', { id: 'ada' })
    t.match(await crew.do('[[recall]]'), done(/users=4 first=.*m1/), 'it knows the first prompt')
    await crew.client.call('agents.remove', { id: 'ada' })
    t.same(
      crew.leftovers().filter((one) => one.includes(program) || one.startsWith('worktree')),
      [],
      'nothing survives its agent',
    )
  })

  if (blockOnce)
    t.test(`${program}, headless: a hook of the user sends it on`, { skip }, async (t) => {
      const crew = await Crew.open(t, program, ({ userHome, dir }) =>
        blockOnce(userHome, join(dir, 'blocked'), '[[id: again]] [[delay: 2]] [[say: Second.]]'),
      )
      // Nobody has approved the hook in Codex's own /hooks.
      const argv = program === 'codex' ? ['--dangerously-bypass-hook-trust'] : []
      await crew.agent('ada', { mode: 'headless', argv })
      const task = await crew.do('[[say: First.]]')
      t.match(task, done(/Second\.\s*$/))
      const last = crew.stub.requests().find(({ marker, side }) => marker === 'again' && !side)
      t.ok(task.endedAt! >= last!.lastByteAt!, 'recorded after the real end')
    })
}

/** Files of a repository that would have its programs run a command of its own. */
function lure(mark: string): Record<string, object> {
  const hook = { hooks: [{ type: 'command', command: `touch ${mark}` }] }
  const server = { command: 'touch', args: [mark] }
  return {
    '.mcp.json': { mcpServers: { lure: server } },
    '.claude/settings.json': { hooks: { SessionStart: [hook], UserPromptSubmit: [hook] } },
    '.codex/hooks.json': { hooks: { SessionStart: [hook], UserPromptSubmit: [hook] } },
    '.gemini/settings.json': {
      hooks: { BeforeAgent: [{ matcher: '*', ...hook }] },
      mcpServers: { lure: server },
    },
    'opencode.json': { mcp: { lure: { type: 'local', command: ['touch', mark] } } },
  }
}
