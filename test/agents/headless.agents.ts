import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Stub } from '../fixtures/model-stub/server.ts'
import { startStub } from '../fixtures/model-stub/server.ts'
import { Field } from '../support/field.ts'
import type { Program } from './home.ts'
import { makeHome, programs } from './home.ts'
import { outside } from './namespace.ts'

t.setTimeout(900_000)

/** A squad with one headless agent of a program, its user's home and the model API. */
type Crew = { program: Program; field: Field; stub: Stub; home: string }

async function crewOf(t: Test, program: Program): Promise<Crew> {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-headless-'))
  const stub = await startStub()
  const { env, home } = makeHome(program, join(dir, 'home'), stub.url)
  const field = new Field(env)
  t.teardown(async () => {
    await field.close()
    await stub.close()
    rmSync(dir, { recursive: true, force: true })
  })
  field.configure({ restartIntensity: 100 })
  await field.open([])
  await add({ program, field, stub, home }, 'ada')
  return { program, field, stub, home }
}

/** As a person adds it: with the key of the model API, where its name is that person's own. */
async function add({ program, field }: Crew, id: string, ...more: string[]): Promise<void> {
  const own = program === 'codex' ? ['--env', 'STUB_API_KEY'] : []
  const how = ['--program', program, '--mode', 'headless', '--repo', field.squad.repo]
  await field.squad.json('agent', 'add', id, ...how, ...own, ...more)
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

async function run({ field }: Crew, prompt: string, more: Partial<TaskInput> = {}): Promise<Task> {
  const task = await field.add({ prompt, timeoutMs: 150_000, ...more })
  return (await field.client.call('tasks.wait', { id: task.id, timeoutMs: 200_000 })) as Task
}

/** How the first attempt ended; a task that goes back to the queue is cancelled, the breakers closed. */
async function attempt({ field }: Crew, prompt: string): Promise<SquadEvent> {
  const task = await field.add({ prompt, timeoutMs: 150_000 })
  const ends = ['TaskRetried', 'TaskFailed', 'TaskHeld', 'TaskCompleted']
  let end: SquadEvent | undefined
  for await (const event of field.client.events({ since: 0 })) {
    if (event.taskId === task.id && ends.includes(event.type)) {
      end ??= event
      await field.client.call('tasks.cancel', { id: task.id }).catch(() => {})
    }
    if (end === undefined || event.type !== 'AgentStateChanged') continue
    const agent = (await field.client.call('agents.show', { id: 'ada' })) as AgentView
    if (agent.state !== 'idle') continue
    // Refused where no breaker is open.
    await field.client.call('agents.reset', { id: 'ada' }).catch(() => {})
    return end
  }
  throw new Error('the events ended')
}

/** The settings of the user, that nothing of ours may change. */
const settings: Record<Program, string> = {
  claude: '.claude/settings.json',
  codex: '.codex/config.toml',
  gemini: '.gemini/settings.json',
  opencode: '.config/opencode/opencode.json',
}

/** opencode itself adds the address of the schema to it. */
const settingsOf = ({ program, home }: Crew): string | null => {
  const file = join(home, settings[program])
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').replace(/\s*"\$schema": "[^"]*",/, '')
}

const shaOf = (text: string): string =>
  createHash('sha1').update(text.trim()).digest('hex').slice(0, 8)

const worktreeOf = async ({ field }: Crew): Promise<string> =>
  ((await field.client.call('agents.show', { id: 'ada' })) as AgentView).worktree

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
})

for (const program of programs) {
  t.test(`${program}: answers, tools, prompts as they are`, { skip: outside() }, async (t) => {
    const crew = await crewOf(t, program)
    const before = settingsOf(crew)
    const first = await run(crew, '[[id: first]] [[usage: 1200 34]] [[say: HELLO]] apple')
    t.match(first, { state: 'completed', result: { output: 'HELLO', success: true } })
    t.ok(first.result!.usage!.inputTokens >= 1200)
    t.match(first.result!.evidence.find(({ source }) => source === 'result')?.detail, 'answered')
    const second = await run(crew, '[[id: second]] [[recall]]')
    t.match(second.result!.output, /users=2 first=.*first/, 'the conversation goes on')
    t.same(second.result!.usage, first.result!.usage, 'a task has the usage of its own')

    const made = await run(crew, '[[id: tool]] [[write: made.txt|hi]] [[say: WROTE]]')
    t.match(made, { state: 'completed', result: { output: 'WROTE', git: { filesChanged: 1 } } })
    const worktree = await worktreeOf(crew)
    t.equal(readFileSync(join(worktree, 'made.txt'), 'utf8').trim(), 'hi')

    const prompts = ['!touch PWNED', '/init', '/help', '--version', '# note', '@nobody/here', '?']
    for (const prompt of [...prompts, hostile.join('\n')]) {
      const task = await run(crew, prompt)
      t.equal(task.state, 'completed')
      t.match(task.result!.output, `sha=${shaOf(prompt)}`, `whole: ${prompt.slice(0, 20)}`)
    }
    t.notOk(existsSync(join(worktree, 'PWNED')), 'nothing was executed')
    t.equal(settingsOf(crew), before, 'the settings of the user are as they were')
    t.match(crew.field.squad.git('-C', worktree, 'status', '--porcelain'), /^\?\? made.txt$/)
  })

  t.test(`${program}: failures are what they were`, { skip: outside() }, async (t) => {
    const crew = await crewOf(t, program)
    const causes = [
      ['400', 'agent_error'],
      ['401', 'auth'],
      ['429', 'rate_limit'],
      ['529', 'overloaded'],
    ] as const
    for (const [status, cause] of causes) {
      const end = await attempt(crew, `[[id: s${status}]] [[status: ${status}]]`)
      t.match(end.data, { outcome: 'failed', cause }, status)
    }
    const late = await run(crew, '[[id: late]] [[hang]]', { timeoutMs: 10_000 })
    t.match(late, { state: 'failed', outcome: 'timed_out' })
    t.match(await run(crew, '[[id: then]] [[say: FINE]]'), { result: { output: 'FINE' } })

    const overflow = await run(crew, '[[id: long]] [[overflow]]')
    t.match(overflow, { outcome: 'failed', cause: 'context_overflow' })
    // Claude asks again by itself, and then there is an answer.
    if (program !== 'claude')
      t.match(await run(crew, '[[id: empty]] [[empty]]'), { outcome: 'failed' })
    const refusal = await run(crew, '[[id: no]] [[refusal]] [[say: I will not]]')
    // Codex has no word for it over this API, and Gemini does not tell.
    if (program === 'claude' || program === 'opencode')
      t.match(refusal, { outcome: 'failed', cause: 'refused' })
    t.match(await run(crew, '[[id: last]] [[say: FINE]]'), { result: { output: 'FINE' } })
  })

  t.test(`${program}: what it may do without asking`, { skip: outside() }, async (t) => {
    const crew = await crewOf(t, program)
    const { squad } = crew.field
    const mark = join(crew.home, 'lured')
    for (const [name, content] of Object.entries(lure(mark))) {
      mkdirSync(dirname(join(squad.repo, name)), { recursive: true })
      writeFileSync(join(squad.repo, name), JSON.stringify(content))
    }
    squad.git('add', '.')
    squad.git('commit', '-q', '-m', 'a lure')
    await add(crew, 'bob', '--permission', 'auto', '--base', 'main')
    const by = (id: string): Partial<TaskInput> => ({ affinity: [id], affinityMode: 'required' })
    // Codex lets its sandbox write in /tmp as well.
    const made = `/var/tmp/squadd-${process.pid}-${program}`
    t.teardown(() => rmSync(made, { force: true }))
    const prompt = `[[id: may]] [[shell: touch ${made}]] [[say: DONE]]`
    t.match(await run(crew, prompt, by('bob')), { state: 'completed', result: { output: 'DONE' } })
    t.ok(existsSync(made), 'auto: even outside of its worktree')
    t.notOk(existsSync(mark), 'nothing that the repository wants was run')
    rmSync(made)
    const asked = await run(crew, prompt, by('ada'))
    t.equal(asked.state, 'completed', 'ask: it goes on without')
    t.notOk(existsSync(made))
    if (program === 'claude')
      t.match(asked.result!.evidence.at(-1), { detail: /a permission was refused: Bash/ })
  })

  t.test(`${program}: kills and releases lose nothing`, { skip: outside() }, async (t) => {
    const crew = await crewOf(t, program)
    const { field, stub } = crew
    await run(crew, '[[id: origin]] [[say: HELLO]]')
    const ended = async (id: string) => {
      const done: string[] = []
      for await (const event of field.client.events({ since: 0, follow: false }))
        if (event.taskId === id && /^Task(Completed|Failed|Retried|Held)$/.test(event.type))
          done.push(event.type)
      return done
    }
    for (const victim of ['supervisor', 'host'] as const) {
      const prompt = `[[id: ${victim}]] [[delay: 5]] [[say: AFTER ${victim}]]`
      const task = await field.add({ prompt })
      await stub.until(({ marker }) => marker === victim)
      if (victim === 'supervisor') {
        process.kill(await field.squad.pid(), 'SIGKILL')
        field.client.close()
        await field.start()
      } else {
        const agent = (await field.client.call('agents.show', { id: 'ada' })) as AgentView
        process.kill(agent.hostPid!, 'SIGKILL')
      }
      const end = await field.wait(task.id)
      t.match(end, { state: 'completed', result: { output: `AFTER ${victim}` } })
      t.same(await ended(task.id), ['TaskCompleted'], `${victim}: exactly one result`)
      const asked = stub.requests().filter(({ marker, side }) => marker === victim && !side)
      t.equal(asked.length, 1, 'the model was asked once')
    }
    await field.client.call('agents.pause', { id: 'ada', release: true })
    await field.client.call('agents.resume', { id: 'ada' })
    const back = await run(crew, '[[id: back]] [[recall]]')
    t.match(back.result!.output, /users=4 first=.*origin/, 'it still knows the first prompt')
  })
}
