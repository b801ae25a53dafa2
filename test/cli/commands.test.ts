import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { routes } from '../../src/supervisor/api/routes.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import { makeServer } from '../support/api.ts'
import { emptyHome, servedHome } from '../support/cli.ts'

// Escape sequences that a program may leave anywhere: title, clipboard, colour, C1, direction.
const hostile =
  '\u001b]0;owned\u0007\u001b]52;c;YQ==\u0007\u001b[31mred\u001b[0m\u009b2J\u202eabc\r\u0008'
// oxlint-disable-next-line no-control-regex -- this is what must not be there
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

/** Does it to all of them, three at a time: most of a command is waiting. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const left = [...all]
  const worker = async () => {
    for (let one = left.shift(); one; one = left.shift()) await work(one)
  }
  await Promise.all([worker(), worker(), worker()])
}

t.test('a wrong command line is exit 2, on stderr', async (t) => {
  const cli = emptyHome(t)
  const cases: [args: string[], says: RegExp][] = [
    [[], /Usage: squadd/],
    [['agent'], /Usage: squadd agent/],
    [['statis'], /unknown command 'statis'[^]*status/],
    [['status', '--jsn'], /unknown option '--jsn'/],
    [['status', 'now'], /too many arguments/],
    [['--home', '', 'status'], /home "" is empty/],
    [['agent', 'add', 'a1'], /--repo/],
    [['agent', 'add', 'a1', '--repo', '.', '--program', 'vim'], /vim/],
    [['agent', 'add', 'a1', '--repo', '.', '--env', 'NOT_SET_HERE'], /"NOT_SET_HERE" is not set/],
    [['agent', 'attach', 'a1'], /needs a terminal/],
    [['task', 'add'], /prompt/],
    [['task', 'add', 'x', '--file', 'y'], /prompt/],
    [['task', 'add', 'x', '--batch', 'y'], /besides --batch/],
    [['task', 'add', '--file', '/not/there'], /cannot be read/],
    [['task', 'add', 'x', '--timeout', '5'], /Write 500ms, 30s, 5m or 2h/],
    [['task', 'add', 'x', '--deadline', 'soon'], /Write 2026-/],
    [['task', 'add', 'x', '--retries', '-1'], /whole number/],
    [['task', 'add', 'x', '--priority', 'urgent'], /low, normal, high, critical/],
    [['task', 'wait'], /missing required argument/],
    [['task', 'list', '--limit', '0'], /whole number from 1/],
    [['events', '--since', 'x'], /whole number/],
    [['start', '--listen', 'localhost'], /127.0.0.1:7340/],
    [['start', '--metrics-listen', '0.0.0.0:9464'], /use 127.0.0.1/],
  ]
  await each(cases, async ([args, says]) => {
    const { code, stdout, stderr } = await cli.run(args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '', 'nothing that could be taken for data')
    t.match(stderr, says)
  })
  const { code, stderr } = await cli.run(['status', '--jsn', '--json'])
  t.equal(code, 2)
  t.match(JSON.parse(stderr), { error: { code: 'SQUADD_INVALID', message: /--jsn/ } })
  t.notOk(existsSync(cli.home), 'and nothing was made')
})

t.test(
  'without a daemon every command that needs it is exit 3 and says how to start it',
  async (t) => {
    const cli = emptyHome(t)
    const commands = [
      ['status'],
      ['stop'],
      ['agent', 'list'],
      ['agent', 'add', 'a1', '--repo', '.'],
      ['task', 'add', 'x'],
      ['task', 'wait', 't1'],
      ['task', 'output', 't1'],
      ['events'],
      ['events', '--follow'],
      ['metrics'],
    ]
    await Promise.all(
      commands.map(async (args) => {
        const { code, stdout, stderr } = await cli.run(args)
        t.equal(code, 3, args.join(' '))
        t.equal(stdout, '')
        t.match(stderr, /^squadd: no daemon answers at .*squadd start\n$/)
      }),
    )
    const { code, stderr } = await cli.run(['status', '--json'])
    t.equal(code, 3)
    t.match(JSON.parse(stderr), { error: { code: 'SQUADD_NOT_RUNNING', hint: 'squadd start' } })
  },
)

t.test('a configuration that does not work is exit 78', async (t) => {
  const cli = emptyHome(t)
  mkdirSync(cli.home)
  writeFileSync(join(cli.home, 'config.json'), '{ "maxConcurentTasks": 3 }')
  t.match(await cli.run(['config', 'show']), {
    code: 78,
    stderr: /did you mean maxConcurrentTasks/,
  })
  t.match(await cli.run(['status', '--home', `/${'x'.repeat(100)}`]), {
    code: 78,
    stderr: /--home/,
  })
  t.match(await cli.run(['config', 'show', '--config', '/not/there']), { code: 78 })
})

t.test('the configuration is shown with where it comes from', async (t) => {
  const cli = emptyHome(t)
  mkdirSync(cli.home)
  writeFileSync(join(cli.home, 'config.json'), '{ "taskTimeoutMs": "5m" }')
  t.match(await cli.json('config', 'show'), {
    taskTimeoutMs: { value: 300_000, origin: 'file' },
    maxConcurrentTasks: { value: 10, origin: 'default' },
  })
  t.match((await cli.run(['config', 'show'])).stdout, /^taskTimeoutMs +300000 +file$/m)
})

t.test('the exit codes are explained', async (t) => {
  const cli = emptyHome(t)
  const { code, stdout } = await cli.run(['help', 'exit-codes'])
  t.equal(code, 0)
  for (const one of [0, 1, 2, 3, 4, 5, 6, 7, 8, 78, 130, 143])
    t.match(stdout, new RegExp(`^ *${one} `, 'm'))
  t.equal(((await cli.json('exit-codes')) as unknown[]).length, 12)
  t.match(await cli.run(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await cli.run(['task', 'add', '--help']), { code: 0, stdout: /--batch/ })
})

t.test('an error of the daemon ends the command with its exit code', async (t) => {
  const { cli, squad } = await servedHome(t)
  const cases = [
    ['SQUADD_INVALID', 2],
    ['SQUADD_TOO_LARGE', 2],
    ['SQUADD_NOT_AUTHORISED', 4],
    ['SQUADD_NOT_FOUND', 5],
    ['SQUADD_CONFLICT', 6],
    ['SQUADD_TIMEOUT', 7],
    ['SQUADD_QUEUE_FULL', 1],
    ['SQUADD_SHUTTING_DOWN', 1],
    ['SQUADD_BAD_CONFIG', 78],
    ['SQUADD_INTERNAL', 1],
  ] as const
  squad.agentView = (code) => {
    throw new SquadError(code as 'SQUADD_INVALID', 'so it is', { hint: `do this ${hostile}` })
  }
  await each(cases, async ([name, exit]) => {
    const { code, stdout, stderr } = await cli.run(['agent', 'show', name])
    t.equal(code, exit, name)
    t.equal(stdout, '')
    t.match(stderr, /^squadd: so it is; do this redabc\n$/, 'harmless words only')
  })
  const { stderr } = await cli.run(['--json', 'agent', 'show', 'SQUADD_CONFLICT'])
  t.match(JSON.parse(stderr), { error: { code: 'SQUADD_CONFLICT', message: 'so it is' } })
})

t.test('agents: every command prints the agent as JSON, or a line for people', async (t) => {
  const { cli, squad } = await servedHome(t)
  const add = ['agent', 'add', 'a1', '--repo', 'here', '--label', 'gpu', '--label', 'fast']
  const env = { SECRET_KEY: 'hunter2' }
  let given: unknown
  const addAgent = squad.addAgent.bind(squad)
  squad.addAgent = async (input) => addAgent((given = input) as typeof input)
  const command = ['--program', 'command', '--env', 'SECRET_KEY', '--env', 'A=b=c', '--json']
  const added = await cli.run([...add, ...command, '--', 'wc', '--lines', '--json'], { env })
  t.match(JSON.parse(added.stdout), { id: 'a1', state: 'idle', labels: ['fast', 'gpu'] })
  t.same(given, {
    id: 'a1',
    repo: join(process.cwd(), 'here'),
    labels: ['gpu', 'fast'],
    program: 'command',
    env: { SECRET_KEY: 'hunter2', A: 'b=c' },
    argv: ['wc', '--lines', '--json'],
  })
  t.match(await cli.run(add), { code: 6, stderr: /exists/ })
  const states = {
    pause: 'paused',
    resume: 'idle',
    stop: 'stopped',
    restart: 'starting',
    reset: 'starting',
  }
  for (const [move, state] of Object.entries(states)) {
    t.match(await cli.json('agent', move, 'a1'), { id: 'a1', state })
    t.match((await cli.run(['agent', move, 'a1'])).stdout, new RegExp(`^a1 ${state}`))
  }
  t.match(await cli.json('agent', 'pause', 'a1', '--now'), { reason: 'now' })
  t.match(await cli.json('agent', 'pause', 'a1', '--release'), { reason: 'released' })
  const shown = await cli.json('agent', 'show', 'a1')
  t.ok(routes['agents.show'].output.safeParse(shown).success)

  await addAgent({ id: 'a2', repo: '/repo' })
  squad.agentView('a2').reason = hostile
  const listed = (await cli.json('agent', 'list')) as { id: string }[]
  t.same(listed, squad.agentViews())
  t.equal(((await cli.json('agent', 'list', '--limit', '1')) as unknown[]).length, 1)
  const table = (await cli.run(['agent', 'list'])).stdout.split('\n')
  t.match(table[0], /^ID +STATE +PROGRAM/)
  t.match(table[2], /^a2 +idle +shell .* redabc$/)

  t.match(await cli.run(['agent', 'remove', 'a1']), {
    stdout: 'a1 removed\n',
    stderr: /refs\/squadd\/rescue\/a1/,
  })
  t.same(await cli.json('agent', 'remove', 'a2', '--keep-branch'), {
    id: 'a2',
    removed: true,
    rescueRef: null,
  })
})

t.test('options of every command may stand before or after it', async (t) => {
  const { cli } = await servedHome(t)
  const elsewhere = { SQUADD_HOME: '/nowhere/at/all' }
  const { home } = cli
  const orders = [
    ['--json', '--home', home, 'agent', 'list'],
    ['agent', '--json', 'list', '--home', home],
    ['agent', 'list', `--home=${home}`, '--json'],
  ]
  for (const args of orders)
    t.match(await cli.run(args, { env: elsewhere }), { code: 0, stdout: '[]\n' }, args.join(' '))
})

t.test('what an agent shows and writes reaches people harmless, programs whole', async (t) => {
  const { cli, squad } = await servedHome(t)
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  await squad.submit([{ prompt: `${hostile}\nsecond` }])
  squad.text = `first\n${hostile}\n\tlast`
  squad.finish('t1', false, squad.text)
  squad.emit({ type: 'AgentWaiting', agentId: 'a1', data: { question: `${hostile}\nfake line` } })
  const commands = [
    ['agent', 'screen', 'a1'],
    ['agent', 'diff', 'a1'],
    ['task', 'output', 't1'],
    ['task', 'diff', 't1'],
    ['task', 'show', 't1'],
    ['task', 'list'],
    ['events'],
  ]
  await each(commands, async (args) => {
    const { code, stdout } = await cli.run(args)
    t.equal(code, 0, args.join(' '))
    t.match(stdout, /redabc/)
    t.notMatch(stdout, control, 'nothing that a terminal acts upon')
    const asJson = (await cli.run([...args, '--json'])).stdout
    t.notMatch(asJson, control)
    t.match(asJson, /owned/, 'escaped, but all of it')
  })
  t.equal((await cli.run(['task', 'output', 't1'])).stdout, 'first\nredabc\n\tlast')
  await each(commands.slice(0, 4), async (args) =>
    t.equal((await cli.run([...args, '--raw'])).stdout, squad.text, `${args.join(' ')} --raw`),
  )
  t.same(await cli.json('agent', 'screen', 'a1'), { id: 'a1', screen: squad.text })
  t.same(await cli.json('task', 'output', 't1'), { id: 't1', output: squad.text })
})

t.test('tasks: what is said of one reaches the squad', async (t) => {
  const { cli, squad } = await servedHome(t)
  const before = Date.now()
  const flags = [
    ['--priority', 'low', '--affinity', 'a1', '--affinity', 'a2', '--affinity-required'],
    ['--require', 'gpu', '--timeout', '1h30m', '--deadline', '+30m', '--after', 't7'],
    ['--not-before', '2030-01-02T03:04:05Z', '--retries', '2', '--max-cost', '1.5'],
    ['--on-unknown', 'retry', '--on-parent-failure', 'run', '--preemptible', '--key', 'k'],
    ['--verify', 'npm', 'test', '--verify=--silent'],
  ]
  const task = await cli.json('task', 'add', 'do it', ...flags.flat())
  t.match(task, {
    id: 't1',
    state: 'ready',
    priority: 'low',
    prompt: 'do it',
    result: null,
    spec: {
      affinity: ['a1', 'a2'],
      affinityMode: 'required',
      require: ['gpu'],
      timeoutMs: 5_400_000,
      after: ['t7'],
      notBeforeAt: Date.UTC(2030, 0, 2, 3, 4, 5),
      retries: 2,
      maxCostUsd: 1.5,
      onUnknown: 'retry',
      onParentFailure: 'run',
      preemptible: true,
      key: 'k',
      verify: ['npm', 'test', '--silent'],
    },
  })
  const deadline = squad.task('t1').spec.deadlineAt ?? 0
  t.ok(deadline >= before + 1_800_000 && deadline <= Date.now() + 1_800_000)

  const file = join(cli.home, 'prompt.md')
  writeFileSync(file, 'from a file\n')
  t.match(await cli.run(['task', 'add', '--file', file]), { code: 0, stdout: 't2\n', stderr: '' })
  t.match(await cli.run(['task', 'add', '-'], { stdin: 'from stdin\n' }), { stdout: 't3\n' })
  t.match(await cli.run(['task', 'add', '--', '--wait']), { stdout: 't4\n' })
  t.same(
    squad.queue.slice(1).map(({ prompt }) => prompt),
    ['from a file\n', 'from stdin\n', '--wait'],
  )
  t.match(await cli.run(['task', 'add', ' ']), { code: 2, stderr: /prompt " " is empty/ })

  t.same(
    ((await cli.json('task', 'list', '--limit', '2')) as { id: string }[]).map(({ id }) => id),
    ['t4', 't3'],
  )
  t.match((await cli.run(['task', 'list'])).stdout, /^ID +STATE +PRIORITY +AGENT +AGE +PROMPT\nt4 /)
  t.match(await cli.json('task', 'cancel', 't4'), { id: 't4', state: 'cancelled' })
  t.match(await cli.run(['task', 'retry', 't4']), { stdout: 't4 ready\n' })
  t.match(await cli.run(['task', 'release', 't4']), { code: 6, stderr: /not held/ })
  t.match(await cli.run(['task', 'show', 't99']), { code: 5 })
  t.match(await cli.run(['task', 'show', '../x']), { code: 5 })
  t.match((await cli.run(['task', 'show', 't1'])).stdout, /^prompt +do it$/m)
})

t.test('a batch is all or nothing, and names the bad line', async (t) => {
  const { cli, squad } = await servedHome(t)
  const batch = async (lines: string[], ...args: string[]) =>
    cli.run(['task', 'add', '--batch', '-', ...args], { stdin: lines.join('\n') })
  const good = '{"prompt":"good"}'
  const bad: [line: string, says: RegExp][] = [
    ['{"prompt":', /line 2: .*JSON/],
    ['[]', /line 2: .*not an object/],
    ['{"promt":"x"}', /line 2: prompt is missing/],
    ['{"prompt":"x","afer":["t1"]}', /line 2: afer is not a field; did you mean after\?/],
    ['{"prompt":" "}', /line 2: prompt " " is empty/],
    ['{"prompt":"x","timeout":"soon"}', /line 2: .*500ms/],
    ['{"prompt":"x","timeout":"5m","timeoutMs":5}', /line 2: timeout "5m" repeats timeoutMs/],
    ['{"prompt":"x","priority":"urgent"}', /line 2: priority "urgent" .*critical/],
    ['{"prompt":"x","affinity":["not a name"]}', /line 2: affinity "not a name"/],
  ]
  await each(bad, async ([line, says]) =>
    t.match(await batch([good, line, good]), { code: 2, stdout: '', stderr: says }, line),
  )
  t.match(await batch(['', ' ']), { code: 2, stderr: /empty/ })
  t.match(await batch([good, '', `{"prompt":"${'x'.repeat(1_048_577)}"}`]), { code: 2 })
  t.equal(squad.queue.length, 0, 'nothing was stored')

  const submit = squad.submit.bind(squad)
  squad.submit = () => {
    throw new SquadError('SQUADD_INVALID', 'after "t9" does not exist', {
      field: 'after',
      index: 1,
    })
  }
  t.match(await batch([good, '', good]), { code: 2, stderr: /line 3: after "t9" does not exist/ })
  squad.submit = submit

  const fine = [good, '', '{"prompt":"b","ref":"b","timeout":"5m","maxCost":2,"notBefore":"+1h"}']
  t.match(await batch(fine), { code: 0, stdout: 't1\nt2\n' })
  t.match(squad.task('t2').spec, { ref: 'b', timeoutMs: 300_000, maxCostUsd: 2 })
  t.equal((JSON.parse((await batch(fine, '--json')).stdout) as unknown[]).length, 2)
})

t.test('waiting tells how tasks ended: 0, 8 or 7', async (t) => {
  const { cli, squad } = await servedHome(t)
  await squad.submit(['a', 'b', 'c', 'd'].map((prompt) => ({ prompt })))
  squad.finish('t1', true)
  squad.finish('t2', false)
  squad.hold('t3')
  t.match(await cli.run(['task', 'wait', 't1']), {
    code: 0,
    stdout: /^t1 completed in 5ms by a1\n$/,
  })
  t.match(await cli.run(['task', 'wait', 't1', 't2']), { code: 8, stdout: /t2 failed .*exit 1/ })
  t.match(await cli.run(['task', 'wait', 't3']), { code: 8, stdout: /t3 held/ })
  t.match(await cli.run(['task', 'wait', 't1', 't4', '--timeout', '50ms']), {
    code: 7,
    stdout: /t1 completed/,
  })
  t.match(await cli.run(['task', 'wait', 't9']), { code: 5 })
  const { stdout } = await cli.run(['task', 'wait', 't1', 't2', '--json'])
  const lines = stdout.trim().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ id: /t[12]/ }, { id: /t[12]/ }],
    'a task a line',
  )
  const ended = cli.run(['task', 'add', 'x', '--wait', '--json'])
  await squad.readers(1)
  squad.finish('t5', false)
  const { code, stdout: task } = await ended
  t.equal(code, 8)
  t.match(JSON.parse(task), { id: 't5', state: 'failed', result: { success: false } })
})

t.test('waiting goes on over a restart of the daemon', async (t) => {
  const { cli, squad, server } = await servedHome(t)
  await squad.submit([{ prompt: 'x' }])
  const waiting = cli.run(['task', 'wait', 't1'])
  await squad.readers(1)
  await server.close()
  await squad.readers(0)
  const next = makeServer(squad).server
  t.teardown(() => next.close())
  await next.listenUnix(join(cli.home, 'run', 'squadd.sock'))
  await squad.readers(1)
  squad.finish('t1', true)
  t.match(await waiting, { code: 0, stdout: /t1 completed/ })
})

t.test('status fits on a screen, and metrics into JSON', async (t) => {
  const text =
    'up 1\nwaits_bucket{le="+Inf",why="a \\"b\\"\\n"} 3 1700000000\n# HELP x y\nbad NaN\n'
  const metrics = async () => ({ contentType: 'text/plain', text })
  const { cli, squad } = await servedHome(t, { metrics })
  await squad.submit([{ prompt: 'x' }])
  const { version, pid, tasks } = (await cli.json('status')) as Record<string, unknown>
  t.match(
    { version, pid, tasks },
    { version: /^\d+\.\d+\.\d+$/, pid: process.pid, tasks: { ready: 1 } },
  )
  t.match((await cli.run(['status'])).stdout, /^squadd +\d+\.\d+\.\d+\n[^]*tasks +1 ready\n$/)
  t.equal((await cli.run(['metrics'])).stdout, text)
  t.same(await cli.json('metrics'), [
    { name: 'up', labels: {}, value: 1 },
    { name: 'waits_bucket', labels: { le: '+Inf', why: 'a "b"\n' }, value: 3 },
    { name: 'bad', labels: {}, value: 'NaN' },
  ])
})

t.test('events: those there are, or on and on', async (t) => {
  const { cli, squad } = await servedHome(t)
  for (let i = 0; i < 5; i++)
    squad.emit({ type: 'TaskStarted', taskId: `t${i}`, data: { fence: i } })
  const past = await cli.run(['events', '--json', '--since', '2'])
  t.match(
    past.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [{ seq: 3 }, { seq: 4 }, { seq: 5, type: 'TaskStarted', taskId: 't4', data: { fence: 4 } }],
  )
  const last = await cli.run(['events', '--limit', '1'])
  t.match(last.stdout, /^5 \S+Z TaskStarted t4 fence=4\n$/)

  const follower = cli.start(['events', '--follow', '--json', '--since', '5'])
  const lines = createInterface({ input: follower.stdout! })
  for (const type of ['AgentAdded', 'AgentRemoved'] as const) {
    squad.emit({ type, agentId: 'a1' })
    const [line] = (await once(lines, 'line')) as [string]
    t.match(JSON.parse(line), { type, agentId: 'a1' })
  }
  follower.kill('SIGINT')
  const [code, signal] = (await once(follower, 'exit')) as [number | null, string | null]
  t.same([code, signal], [null, 'SIGINT'], 'a shell calls that 130')
  await squad.readers(0)
})

t.test('a reader that has seen enough is no failure', async (t) => {
  const { cli, squad } = await servedHome(t)
  for (let i = 0; i < 20_000; i++)
    squad.emit({ type: 'SystemMetrics', data: { text: 'x'.repeat(50) } })
  const child = cli.start(['events', '--json'])
  const said: string[] = []
  child.stderr!.on('data', (chunk) => said.push(String(chunk)))
  await once(child.stdout!, 'data')
  child.stdout!.destroy()
  const [code] = (await once(child, 'exit')) as [number]
  t.same([code, said.join('')], [0, ''])
  await squad.readers(0)
})

t.test('a daemon of another version is told apart, and what to do about it', async (t) => {
  const { cli, squad } = await servedHome(t)
  squad.version = '99.0.0'
  const says = /the daemon is 99\.0\.0: squadd restart/
  t.match(await cli.run(['status']), { code: 0, stderr: says })
  t.match(await cli.run(['task', 'show', 't77']), { code: 5, stderr: says })
  const { stderr } = await cli.run(['task', 'show', 't77', '--json'])
  t.match(JSON.parse(stderr), { error: { code: 'SQUADD_NOT_FOUND', data: { skew: says } } })
  t.notMatch((await cli.run(['agent', 'list'])).stderr, says, 'as long as all goes well')
})
