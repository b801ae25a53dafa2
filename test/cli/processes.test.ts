import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { connect } from '../../src/supervisor/api/client.ts'
import { scratch } from '../support/api.ts'
import type { CommandLine } from '../support/cli.ts'
import { bin, emptyHome, servedHome } from '../support/cli.ts'

/** A Node on this machine that is too old for squadd. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  if (!existsSync(path)) return false
  return Number(/v(\d+)/.exec(String(execFileSync(path, ['--version'])))?.[1]) < 24
})
const withOldNode = oldNode ? {} : { skip: 'there is no older Node here' }

/** A home for a real daemon, which is stopped at the end. */
function realHome(t: { teardown(end: () => unknown): void }): CommandLine {
  const cli = emptyHome(t)
  t.teardown(() => cli.run(['stop', '--stop-agents']))
  return cli
}

t.test('an older Node hands over: same words, same exit code', withOldNode, async (t) => {
  const { cli, squad } = await servedHome(t)
  const node = oldNode!
  t.match(await cli.run(['status', '--json'], { node }), { code: 0, stdout: /^\{"version"/ })
  t.match(await cli.run(['task', 'add', '-'], { node, stdin: 'from stdin' }), { stdout: 't1\n' })
  t.equal(squad.task('t1').prompt, 'from stdin')
  t.match(await cli.run(['nonsense'], { node }), { code: 2, stderr: /unknown command/ })
  t.match(await emptyHome(t).run(['status'], { node }), { code: 3 })
})

t.test('signals reach the program behind an older Node', withOldNode, async (t) => {
  const { cli, squad } = await servedHome(t)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const child = cli.start(['events', '--follow'], { node: oldNode! })
    await squad.readers(1)
    child.kill(signal)
    t.same(await once(child, 'exit'), [null, signal])
    await squad.readers(0)
  }
})

t.test('an older Node with no newer one beside it says what to do', withOldNode, async (t) => {
  const dir = join(scratch(t), 'bin')
  mkdirSync(dir)
  copyFileSync(bin, join(dir, 'squadd.js'))
  writeFileSync(join(dir, '..', 'package.json'), '{"type":"module"}')
  const words = ['-u', 'NODE_OPTIONS', oldNode!, join(dir, 'squadd.js'), 'status']
  const child = spawn('env', words, { stdio: 'pipe' })
  const [[code], stderr] = await Promise.all([once(child, 'exit'), text(child.stderr)])
  t.equal(code, 78)
  t.match(stderr, /^squadd: needs Node 24 or newer, this is [\d.]+; install it.*\n$/)
})

t.test('attach shows the terminal of an agent, and only --write may type', async (t) => {
  const { cli, squad } = await servedHome(t)
  const dir = scratch(t)
  const sockets = { agent: join(dir, 'agent.sock'), person: join(dir, 'person.sock') }
  const tmux = (socket: string, ...args: string[]) =>
    String(execFileSync('tmux', ['-f', '/dev/null', '-S', socket, ...args])).trim()
  t.teardown(() => tmux(sockets.agent, 'kill-server'))
  tmux(sockets.agent, 'new-session', '-d', '-s', 'sq', 'exec cat')
  tmux(sockets.agent, 'set-hook', '-g', 'client-attached', 'wait-for -S attached')
  await squad.addAgent({ id: 'a1', repo: '/repo' })
  squad.agentView('a1').tmuxSocket = sockets.agent
  for (const [flags, readOnly] of [
    [[], '1'],
    [['--write'], '0'],
  ] as const) {
    // A terminal that is itself inside tmux: the worst case.
    const words = [process.execPath, bin, 'agent', 'attach', 'a1', ...flags, '--home', cli.home]
    tmux(sockets.person, 'new-session', '-d', '-s', 'me', ...words)
    await once(spawn('tmux', ['-S', sockets.agent, 'wait-for', 'attached']), 'exit')
    t.equal(tmux(sockets.agent, 'list-clients', '-F', '#{client_readonly}'), readOnly)
    // It waits for ever, so it ends with the server: when the person's only program has ended.
    const over = once(spawn('tmux', ['-S', sockets.person, 'wait-for', 'never']), 'exit')
    tmux(sockets.agent, 'detach-client', '-s', '=sq')
    await over
  }
})

/** A process that has ended may stay in the table until its parent looks. */
function runs(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false
  return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

t.test('start returns when the daemon is ready, stop when it is gone', async (t) => {
  const cli = realHome(t)
  const ready = (await cli.json('start')) as { pid: number; socket: string }
  t.equal(ready.socket, join(cli.home, 'run', 'squadd.sock'))
  t.match(await cli.json('status'), { pid: ready.pid, home: cli.home, agents: { total: 0 } })
  t.match(await cli.run(['start']), { code: 6, stderr: new RegExp(`pid ${ready.pid}`) })
  t.match(await cli.run(['start', '--foreground']), { code: 6 })
  t.equal(statSync(join(cli.home, 'daemon.log')).mode & 0o777, 0o600)

  const again = (await cli.json('restart')) as { pid: number }
  t.not(again.pid, ready.pid)
  t.notOk(runs(ready.pid), 'the first is gone')
  t.same(await cli.json('stop', '--drain'), { stopped: true, pid: again.pid })
  t.notOk(runs(again.pid))
  t.notOk(existsSync(ready.socket))
  t.match(await cli.run(['stop']), { code: 3 })
  t.match(await cli.run(['status']), { code: 3 })
  t.match(await cli.json('restart'), { socket: ready.socket }, 'restart starts what does not run')
})

t.test('of many that start at once one wins, and the others say so', async (t) => {
  const cli = realHome(t)
  const all = await Promise.all([1, 2, 3].map(() => cli.run(['start'])))
  t.same(
    all.map(({ code }) => code).toSorted((a, b) => Number(a) - Number(b)),
    [0, 6, 6],
  )
  for (const { code, stderr } of all)
    if (code === 6) t.match(stderr, /a daemon runs |start is under way/)
})

t.test('a daemon that cannot start says why, and leaves nothing running', async (t) => {
  const cli = realHome(t)
  mkdirSync(cli.home)
  writeFileSync(join(cli.home, 'config.json'), '{ "maxConcurrentTasks": "many" }')
  t.match(await cli.run(['start']), { code: 78, stdout: '', stderr: /maxConcurrentTasks "many"/ })
  t.match(await cli.run(['start', '--config', 'nowhere.json']), {
    code: 78,
    stderr: /nowhere.json/,
  })
  writeFileSync(join(cli.home, 'config.json'), '{}')
  writeFileSync(join(cli.home, 'run', 'squadd.sock'), 'in the way')
  t.match(await cli.run(['start', '--json']), { code: 78, stderr: /in the way/ })
  t.match(await cli.run(['status']), { code: 3 })
})

t.test(
  'in the foreground the daemon ends with its signal, and TCP asks for the token',
  async (t) => {
    const cli = realHome(t)
    const child = cli.start(['start', '--foreground', '--listen', '127.0.0.1:0', '--json'])
    const said = text(child.stderr!)
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (chunk) => String(chunk).includes('ready') && resolve())
    })
    const token = readFileSync(join(cli.home, 'token'), 'utf8').trim()
    t.match(token, /^[0-9a-f]{64}$/)
    t.match(await cli.json('status'), { pid: child.pid })
    const client = connect({ socket: join(cli.home, 'run', 'squadd.sock') })
    t.same(await client.call('readyz', {}), { ok: true })
    client.close()
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null])
    t.match(await said, /ready \(pid \d+/)
  },
)
