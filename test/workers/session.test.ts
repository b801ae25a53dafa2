import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { agentFor, deaf, gated, makeGate, remains, running, TestAgent, windowsOf } from './agent.ts'

t.test('an agent and how its programs end', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)

  await t.test('exit 0 is a success with output and change; then all traces go', async (t) => {
    const before = Date.now()
    const verdict = await agent.verdict(agent.order('echo hällo; echo one >new.txt'))
    t.match(verdict, { outcome: 'succeeded', cause: null, reason: 'exit status 0' })
    t.match(verdict.result, {
      success: true,
      output: 'hällo\n',
      error: null,
      usage: null,
      evidence: [{ source: 'exit', detail: 'exit status 0' }],
      git: { filesChanged: 1, insertions: 1, dirty: true },
    })
    t.equal(verdict.result.evidence.length, 1, 'the output is whole and git has answered')
    t.ok((verdict.startedAt ?? 0) >= before - 10 && verdict.endedAt <= Date.now())
    t.same(readdirSync(agent.setup.outbox).sort(), ['t1-1.exit', 't1-1.started'])
    await agent.record(verdict.key)
    t.same(readdirSync(agent.setup.outbox), [], 'facts are deleted after the answer')
    t.same(readdirSync(join(agent.setup.dir, 'launch')), [])
    t.same(windowsOf(agent), ['lobby'])
  })

  await t.test('the next attempt is not charged with the change of the one before', async (t) => {
    const { git } = (await agent.complete('true')).result
    t.match(git, { filesChanged: 0, insertions: 0, deletions: 0, dirty: true })
  })

  await t.test('exit statuses are told apart', async (t) => {
    const cases = [
      ['echo first; echo last words >&2; exit 7', 'agent_error', 'exit status 7'],
      ['exit 126', 'spawn_failed', 'exit status 126: the program cannot run'],
      ['no-such-program', 'spawn_failed', 'exit status 127: the program was not found'],
      ['kill -9 $$', 'crashed', 'exit status 137 (signal 9, not certain)'],
    ] as const
    for (const [script, cause, reason] of cases) {
      const verdict = await agent.complete(script)
      t.match(verdict, { outcome: 'failed', cause, reason })
      t.notOk(verdict.result.success)
      if (script.startsWith('echo')) t.equal(verdict.result.error, `${reason}: last words`)
    }
  })

  await t.test('a task’s own check decides after the program', async (t) => {
    const pass = await agent.complete('echo ok >ok', ['grep', '-q', 'ok', 'ok'])
    t.match(pass, { outcome: 'succeeded' })
    t.match(pass.result.evidence[1], { source: 'verify', detail: 'exit status 0' })
    const fail = await agent.complete('true', ['sh', '-c', 'echo "$1"; exit 9', 'sh', "it's; $(x)"])
    t.match(fail, { outcome: 'failed', cause: 'agent_error' })
    t.equal(fail.reason, 'verify sh -c echo "$1"; exit 9 sh it\'s; $(x) exit 9')
    t.equal(fail.result.output, "it's; $(x)\n")
    t.equal((await agent.complete('exit 4', ['touch', 'checked'])).reason, 'exit status 4')
    t.notOk(existsSync(join(agent.setup.worktree, 'checked')), 'no check after a failure')
  })

  await t.test('the program sees its environment and nothing of tmux', async (t) => {
    const { result } = await agent.complete('env; umask')
    t.match(result.output, `SQUADD_RUN_ID=${agent.setup.runPrefix}/`)
    t.match(result.output, 'TERM=tmux-256color')
    t.match(result.output, new RegExp(`^0*${process.umask().toString(8)}$`, 'm'))
    t.notMatch(result.output, /^(TMUX|TMUX_PANE|TERM_PROGRAM|OLDPWD|SQUADD_AGENT)=/m)
  })

  await t.test('what a program leaves running is ended after it', async (t) => {
    await agent.complete('setsid sleep 1000 & setsid sh -c "exec sleep 1001" </dev/null & exit 0')
    t.same(running(agent), [])
  })

  await t.test(
    'an attempt that ignores TERM is killed, and the agent takes the next',
    async (t) => {
      const order = agent.order(`setsid sh -c "${stubborn}" & (${stubborn}) & ${deaf}`)
      const up = gate.up()
      await agent.started(order)
      await up
      const began = performance.now()
      const verdict = await agent.stop(order, 'cancelled')
      t.match(verdict, {
        outcome: 'cancelled',
        cause: null,
        reason: /^cancelled \(exit status 137/,
      })
      t.ok(performance.now() - began < agent.setup.stopGraceMs + 2000, 'soon after the grace')
      await agent.record(order.key)
      t.same(running(agent), [])
      t.match(await agent.complete('echo next'), { outcome: 'succeeded' })
    },
  )

  await t.test('a stop says why, and never overrules an end that came before it', async (t) => {
    for (const reason of ['timed_out', 'preempted'] as const) {
      const order = agent.order('sleep 100')
      await agent.started(order)
      const cause = reason === 'timed_out' ? 'timed_out' : null
      t.match(await agent.stop(order, reason), { outcome: reason, cause })
      await agent.record(order.key)
    }
    const order = agent.order('exit 5')
    t.equal((await agent.verdict(order)).reason, 'exit status 5')
    agent.send({ kind: 'stop-attempt', key: order.key, reason: 'cancelled' })
    await agent.record(order.key)
    t.equal(agent.verdictsOn(order), 1)
  })

  await t.test('a stop close behind the order ends it, begun or not', async (t) => {
    for (let turns = 0; turns < 6; turns++) {
      const order = agent.order('sleep 100')
      agent.send({ kind: 'run', order })
      // So that the stop meets the launch at different places.
      for (let i = 0; i < turns * 2000; i++) await new Promise((resolve) => setImmediate(resolve))
      t.equal((await agent.stop(order, 'cancelled')).outcome, 'cancelled')
      await agent.record(order.key)
      t.same(running(agent), [])
    }
  })

  await t.test('a second order while one runs never starts', async (t) => {
    const order = agent.order('sleep 100')
    await agent.started(order)
    const second = agent.order('touch second')
    t.match(await agent.verdict(second), { outcome: 'not_started', startedAt: null })
    await agent.record(second.key)
    await agent.stop(order, 'cancelled')
    await agent.record(order.key)
    t.notOk(existsSync(join(agent.setup.worktree, 'second')))
  })

  await t.test('a person sees the program, by tmux and by screen', async (t) => {
    const order = agent.order(`printf '%%end 1 2 1\\nhällo\\n'; ${gated}`)
    const verdict = agent.verdictOn(order)
    const up = gate.up()
    await agent.started(order)
    await up
    t.same(windowsOf(agent), ['lobby', order.key.slice(0, -2)])
    t.equal(await agent.screen(), `%end 1 2 1\nhällo\n${'\n'.repeat(38)}`)
    await gate.open('told')
    t.match(await verdict, { reason: 'exit status 3', result: { output: /told\n$/ } })
    t.match(await agent.screen(), /^No task is running/)
    await agent.record(order.key)
  })

  await t.test('a probe tells what is alive', async (t) => {
    const order = agent.order('echo waiting; sleep 100')
    const { programPid } = await agent.started(order)
    const alive = agent.next('alive')
    agent.send({ kind: 'probe', id: 9 })
    t.match(await alive, { id: 9, tmux: true, programPid })
    await agent.stop(order, 'cancelled')
    await agent.record(order.key)
  })

  await t.test('an outbox that the program removes costs time, not the fact', async (t) => {
    t.match(await agent.complete(`rm -rf '${agent.setup.outbox}'; exit 6`), {
      outcome: 'failed',
      reason: 'exit status 6',
    })
  })

  await t.test('without its worktree an attempt fails for that', async (t) => {
    const { worktree } = agent.setup
    renameSync(worktree, `${worktree}-away`)
    t.match(await agent.complete('true'), { outcome: 'failed', cause: 'worktree_missing' })
    renameSync(`${worktree}-away`, worktree)
  })

  await t.test('an ended agent leaves nothing', async (t) => {
    const order = agent.order(deaf)
    const up = gate.up()
    await agent.started(order)
    await up
    const ended = agent.next('ended')
    const verdict = agent.verdictOn(order)
    agent.send({ kind: 'end' })
    t.equal((await verdict).outcome, 'preempted')
    agent.send({ kind: 'recorded', key: order.key, answer: 'recorded' })
    t.same((await ended).leftovers, [])
    t.equal(await agent.gone, 'exit status 0')
    t.same(remains(agent), [])
    t.notOk(existsSync(agent.setup.socket))
  })
})

t.test('a flood keeps its beginning and its end within the limit', async (t) => {
  const agent = await agentFor(t)
  const flood = 'echo BEGIN; yes "a line of some length" | head -c 12000000; echo; echo END'
  const { result } = await agent.complete(flood)
  const parts = readdirSync(agent.setup.logs).map((name) => join(agent.setup.logs, name))
  const bytes = parts.reduce((sum, part) => sum + statSync(part).size, 0)
  t.ok(bytes <= agent.setup.outputLimitBytes, `${bytes} bytes are kept`)
  t.ok(bytes > agent.setup.outputLimitBytes / 2)
  t.match(readFileSync(join(agent.setup.logs, 't1-1.log.0'), 'utf8'), /^BEGIN\r\na line/)
  t.match(result.output, /^a line of some length\n[^]*\nEND\n$/)
  t.ok(Buffer.byteLength(result.output) <= agent.setup.outputTailBytes)
  t.equal(result.evidence.length, 1, 'the end mark was found')
})

const hostile = `a #(touch canary) #{pid} '"; touch canary; $(touch canary) \`touch canary\` \\ é % ~`

t.test('nothing in a path or prompt is ever run', async (t) => {
  const prompts = [
    hostile,
    `${hostile}\n;\n'\n\\'\n"\n$HOME\n`,
    '-n',
    `\u001b[201~\u0081\u0088\ufeff𝒳 ${'\r'}\t`,
    'x'.repeat(131_071),
  ]
  const asArgument = ['sh', '-c', 'printf %s "$1" >got; echo "$2"', hostile, '{prompt}', hostile]
  for (const argv of [asArgument, ['sh', '-c', 'cat >got; echo "$0"', hostile]]) {
    const agent = await agentFor(
      t,
      { program: 'command', argv, env: { CANARY: hostile } },
      {},
      hostile,
    )
    for (const prompt of prompts) {
      const verdict = await agent.complete(prompt, ['test', hostile, '=', hostile])
      t.match(verdict, { outcome: 'succeeded' })
      t.equal(verdict.result.output, `${hostile}\n`)
      t.equal(readFileSync(join(agent.setup.worktree, 'got'), 'utf8'), prompt)
    }
    t.same(canariesIn(agent), [])
  }
})

t.test('a prompt that cannot be an argument is refused with the way out', async (t) => {
  const agent = await agentFor(t, { program: 'command', argv: ['true', '{prompt}'] })
  for (const [prompt, problem] of [
    ['x'.repeat(131_072), /argument of 131072 bytes.*leave \{prompt\} out/],
    ['a\0b', /NUL byte.*leave \{prompt\} out/],
  ] as const)
    t.match(await agent.complete(prompt), {
      outcome: 'failed',
      cause: 'bad_config',
      reason: problem,
      startedAt: null,
    })
})

t.test('a host without tmux says what to do', async (t) => {
  const agent = new TestAgent({}, { env: { PATH: '/nonexistent' } })
  t.teardown(() => agent.remove())
  const broken = agent.next('broken')
  t.equal(await agent.fork(agent.setup), 'exit status 1')
  t.match(await broken, { message: /tmux was not found/, hint: /install tmux/ })
})

/** As `deaf`, without saying when it is up. */
const stubborn = "trap '' TERM HUP; while :; do sleep 5; done"

const canariesIn = ({ home }: TestAgent): string[] =>
  execFileSync('find', [join(home, '..'), '-name', 'canary*'])
    .toString()
    .split('\n')
    .filter(Boolean)
