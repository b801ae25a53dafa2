import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { takeHostLock } from '../../src/workers/host-lock.ts'
import { launcherScript } from '../../src/workers/launcher.ts'
import { keysIn, readFacts } from '../../src/workers/outbox.ts'
import { bootId, identify } from '../../src/workers/processes.ts'
import { endProcesses } from '../../src/workers/stop-ladder.ts'
import { agentProcesses } from '../../src/workers/tmux-processes.ts'
import { agentFor, deaf, gated, makeGate, remains, running, TestAgent } from './agent.ts'

/** Each kill meets another moment; more rounds by hand with ROUNDS=50. */
const rounds = Number(process.env['ROUNDS'] ?? 4)

t.test('a killed host loses nothing: the next one adopts the program', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  for (let i = 0; i < rounds; i++) {
    const order = agent.order(`echo before; ${gated}`)
    const up = gate.up()
    const { programPid } = await agent.started(order)
    await up
    await agent.killHost()
    // In half of the rounds the program ends while there is no host.
    if (i % 2) await gate.open(`round ${i}`)
    const ready = await agent.start({ order, stop: null })
    t.equal(ready.adopted, order.key)
    if (i % 2 === 0) t.equal(ready.programPid, programPid, 'the same process runs on')
    const verdict = agent.verdictOn(order)
    if (i % 2 === 0) await gate.open(`round ${i}`)
    t.match(await verdict, { outcome: 'failed', reason: 'exit status 3' })
    t.equal((await verdict).result.output, `before\nround ${i}\n`)
    t.match((await verdict).result.git, { filesChanged: 0 }, 'the base is known to the next host')
    await agent.record(order.key)
    t.equal(agent.verdictsOn(order), 1)
    t.same(keysIn(agent.setup.outbox), [])
  }
})

t.test('a host killed at any moment of a launch or an end never runs a task twice', async (t) => {
  const agent = await agentFor(t)
  const trace = join(agent.home, 'trace')
  writeFileSync(trace, '')
  for (let i = 0; i < 2 * rounds; i++) {
    const order = agent.order(`echo ${i} >>'${trace}'`)
    agent.send({ kind: 'run', order })
    for (let turn = 0; turn < (i % 25) * 1500; turn++) await turnOfTheLoop()
    await agent.killHost()
    const verdict = agent.verdictOn(order)
    await agent.start({ order, stop: null })
    const { outcome } = await verdict
    const runs = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line === String(i)).length
    t.equal(runs, outcome === 'succeeded' ? 1 : 0, outcome)
    t.match(outcome, /^(succeeded|not_started)$/)
    await agent.record(order.key)
  }
})

t.test('a verdict without an answer comes again from the next host, and again', async (t) => {
  const agent = await agentFor(t)
  const order = agent.order('exit 9')
  const { endedAt } = await agent.verdict(order)
  for (const current of [{ order, stop: null }, null, null]) {
    await agent.killHost()
    const verdict = agent.verdictOn(order)
    await agent.start(current)
    t.match(await verdict, { outcome: 'failed', reason: 'exit status 9', endedAt })
  }
  await agent.record(order.key)
})

t.test('a stop survives the host that began it', async (t) => {
  const agent = await agentFor(t, {}, { stopGraceMs: 60_000 })
  const gate = makeGate(agent)
  const order = agent.order(deaf)
  const up = gate.up()
  await agent.started(order)
  await up
  agent.send({ kind: 'stop-attempt', key: order.key, reason: 'timed_out' })
  await agent.screen()
  await agent.killHost()
  const verdict = agent.verdictOn(order)
  agent.setup.stopGraceMs = 100
  await agent.start({ order, stop: 'timed_out' })
  t.match(await verdict, { outcome: 'timed_out', cause: 'timed_out' })
  await agent.record(order.key)
  t.same(running(agent), [])
})

t.test('a program that no longer counts is ended before its agent is ready', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  const order = agent.order(deaf)
  const up = gate.up()
  await agent.started(order)
  await up
  await agent.killHost()
  const verdict = agent.verdictOn(order)
  const ready = await agent.start(null)
  t.equal(ready.adopted, null)
  t.same(running(agent), [])
  t.match(await verdict, { outcome: 'preempted' })
  await agent.record(order.key)
})

t.test('without its tmux server a program runs on and its end is recorded', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  for (let i = 0; i < rounds; i++) {
    const order = agent.order(`echo before; ${gated}`)
    const up = gate.up()
    await agent.started(order)
    await up
    const back = agent.next('log', ({ message }) => message.includes('another is up'))
    process.kill(Number(tmux(agent, 'display-message', '-p', '#{pid}')), 'SIGKILL')
    await back
    const verdict = agent.verdictOn(order)
    await gate.open('after')
    t.match(await verdict, { outcome: 'failed', reason: 'exit status 3' })
    t.match((await verdict).result.output, /^before\n/)
    t.match((await verdict).result.evidence[1], { source: 'output', detail: /may be missing/ })
    await agent.record(order.key)
    t.match(await agent.complete('echo next'), { result: { output: 'next\n' } })
  }
})

t.test('without its launcher an attempt is unknown, and nothing of it runs on', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  for (let i = 0; i < rounds; i++) {
    const order = agent.order(`setsid sleep 1000 & trap '' HUP; ${gated}`)
    const up = gate.up()
    await agent.started(order)
    await up
    const verdict = agent.verdictOn(order)
    process.kill(launcherOf(agent, order.key), 'SIGKILL')
    t.match(await verdict, { outcome: 'unknown', reason: /launcher died/ })
    t.same(running(agent), [])
    await agent.record(order.key)
  }
})

t.test(
  'the latch proves that an attempt never ran, also to a launcher that comes late',
  async (t) => {
    const agent = new TestAgent()
    t.teardown(() => agent.remove())
    const order = agent.order('true')
    const verdict = agent.verdictOn(order)
    await agent.start({ order, stop: null })
    t.match(await verdict, { outcome: 'not_started', startedAt: null, result: { git: null } })

    const late = join(agent.home, 'late.sh')
    const { outbox, worktree } = agent.setup
    const plan = { outbox, key: order.key, worktree, env: {}, runId: 'x/y/z', stdin: null }
    const ways = { stdout: null, isInteractive: false, verify: null }
    const rest = { ...ways, nonce: 'abc', boot: bootId(), umask: 0o22 }
    writeFileSync(late, launcherScript({ ...plan, ...rest, argv: ['touch', 'ran'] }))
    t.not(spawnSync('sh', [late]).status, null)
    t.notOk(existsSync(join(worktree, 'ran')))
    await agent.record(order.key)
  },
)

t.test('after a restart of the machine an attempt is unknown', async (t) => {
  const agent = await agentFor(t)
  const order = agent.order('sleep 1000')
  await agent.started(order)
  await agent.killHost()
  process.kill(launcherOf(agent, order.key), 'SIGKILL')
  await endProcesses({ find: () => agentProcesses(agent.setup.runPrefix), graceMs: 0 })
  writeFileSync(join(agent.setup.dir, 'boot'), 'another boot\n')
  const verdict = agent.verdictOn(order)
  await agent.start({ order, stop: null })
  t.match(await verdict, { outcome: 'unknown', reason: /machine was started anew/ })
  await agent.record(order.key)
  t.same(running(agent), [])
})

t.test('two hosts never drive one agent', async (t) => {
  const agent = await agentFor(t)
  const file = join(agent.setup.dir, 'host.lock')
  await t.rejects(takeHostLock(file, 50), { code: 'SQUADD_CONFLICT' })
  const first = agent.host
  const order: string[] = []
  const second = agent.next('ready').then(() => order.push('second is ready'))
  const gone = agent.gone.then(() => order.push('first is gone'))
  void agent.fork(agent.setup)
  await new Promise<void>((resolve) => {
    // The second one has said what it can say before it has the lock, once it waits for it.
    const look = () => (isWaitingFor(file, agent.host?.pid ?? 0) ? resolve() : setImmediate(look))
    look()
  })
  first?.kill()
  await Promise.all([second, gone])
  t.same(order, ['first is gone', 'second is ready'])
})

t.test('a host that is let go leaves program and tmux alone', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  const order = agent.order(gated)
  const up = gate.up()
  const { programPid } = await agent.started(order)
  await up
  const began = performance.now()
  agent.host?.detach()
  t.equal(await agent.gone, 'exit status 0')
  t.ok(performance.now() - began < 2000)
  t.ok(identify(programPid))
  const verdict = agent.verdictOn(order)
  t.match(await agent.start({ order, stop: null }), { adopted: order.key, programPid })
  await gate.open('after')
  t.match((await verdict).result, { output: 'after\n' })
  await agent.record(order.key)
})

t.test('an agent without a host is cleared to the last process and file', async (t) => {
  const agent = await agentFor(t)
  const gate = makeGate(agent)
  const order = agent.order(`setsid sleep 1000 & ${deaf}`)
  const up = gate.up()
  await agent.started(order)
  await up
  await agent.killHost()
  t.ok(remains(agent).length > 0)
  await agent.clear()
  t.same(remains(agent), [])
  t.notOk(existsSync(agent.setup.dir))
  t.notOk(existsSync(agent.setup.socket))
  await agent.clear()
})

t.test('a host that cannot be forked is reported once', async (t) => {
  const fixture = new URL('../fixtures/fork-without-files.ts', import.meta.url).pathname
  const told = execFileSync('sh', ['-c', 'ulimit -n 40; exec "$0" "$1"', process.execPath, fixture])
  t.match(told.toString(), /^could not be forked: .*EMFILE.*\n$/)
})

const tmux = ({ setup }: TestAgent, ...args: string[]): string =>
  execFileSync('tmux', ['-S', setup.socket, ...args]).toString()

function launcherOf({ setup }: TestAgent, key: string): number {
  const { started } = readFacts(setup.outbox, key)
  return started?.by === 'launcher' && started.process ? started.process.launcher.pid : 0
}

const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve))

/** It has the file open, so it is past its start. */
function isWaitingFor(file: string, pid: number): boolean {
  return spawnSync('find', [`/proc/${pid}/fd`, '-lname', file]).stdout.length > 0
}
