import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa, execaSync } from 'execa'
import t from 'tap'
import { scratch } from '../support/api.ts'
import { CommandLine } from '../support/cli.ts'
import { Squadd } from '../support/squadd.ts'

t.setTimeout(600_000)

const has = (tool: string): boolean =>
  execaSync('sh', ['-c', `command -v ${tool}`], { reject: false }).exitCode === 0
const unless = (...tools: string[]) => {
  const missing = tools.find((tool) => !has(tool))
  return missing ? `${missing} is not installed` : false
}

t.test('the unit keeps agents alive, does not hide failures and knows its home', async (t) => {
  const dir = scratch(t)
  const home = join(dir, 'a $HOME "of" 50% its own')
  const { code, stdout, stderr } = await new CommandLine(home).run(['systemd'])
  t.equal(code, 0)
  for (const line of [
    'Type=notify',
    'NotifyAccess=all',
    'KillMode=process',
    'Restart=on-failure',
    'RestartPreventExitStatus=2 6 78',
    'StartLimitBurst=5',
    'UMask=0077',
    'Delegate=yes',
    'Environment=SQUADD_UNIT=%n',
    'TimeoutStopSec=190',
    'WantedBy=default.target',
  ])
    t.ok(stdout.includes(`\n${line}\n`), line)
  t.match(stdout, 'a $$HOME \\"of\\" 50%% its own"')
  t.match(stderr, /enable-linger/)
})

t.test('systemd waits for a stop as long as the configuration lets it take', async (t) => {
  const cli = new CommandLine(join(scratch(t), 'home'))
  mkdirSync(cli.home, { mode: 0o700 })
  const config = join(cli.home, 'config.json')
  writeFileSync(config, JSON.stringify({ drainTimeoutMs: '2h', stopGraceMs: '10m' }))
  t.match((await cli.run(['systemd'])).stdout, `\nTimeoutStopSec=${7200 + 600 + 120}\n`)
  writeFileSync(config, '{')
  t.match(await cli.run(['systemd']), { code: 78, stdout: '' })
})

/** A systemctl that notes what it was asked for and starts a squadd as its unit. */
function plantSystemctl(dir: string, start: string): { PATH: string; calls: () => string[] } {
  const record = join(dir, 'calls')
  const script = `#!/bin/sh\nprintf '%s\\n' "$*" >> ${record}\n${start}\n`
  writeFileSync(join(dir, 'systemctl'), script, { mode: 0o755 })
  return {
    PATH: `${dir}:${process.env['PATH']}`,
    calls: () => readFileSync(record, 'utf8').trim().split('\n'),
  }
}

t.test('a restart of a daemon that systemd runs leaves the start to systemd', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const env = { SQUADD_HOME: squad.home, SQUADD_UNIT: 'my squad.service', MANAGERPID: '1' }
  t.match(await squad.runWith(env, 'start'), { exitCode: 0 })
  const before = await squad.pid()
  const start = `SQUADD_UNIT=again exec '${process.execPath}' '${squad.bin}' start`
  const { PATH, calls } = plantSystemctl(squad.dir, start)
  const asked = { SQUADD_HOME: squad.home, PATH }
  const refused = await squad.runWith(asked, 'restart', '--listen', '127.0.0.1:0')
  t.match(refused, {
    exitCode: 2,
    stderr: /--listen is not for .* my squad\.service; .*ExecStart=/,
  })
  t.equal(await squad.pid(), before, 'and nothing was stopped')

  const { stdout, exitCode } = await squad.runWith(asked, 'restart', '--json')
  t.equal(exitCode, 0)
  t.strictSame(calls(), ['--user start -- my squad.service'])
  const after = await squad.pid()
  t.not(after, before)
  t.strictSame(JSON.parse(stdout), { pid: after, socket: join(squad.home, 'run', 'squadd.sock') })
  t.match(readFileSync(`/proc/${after}/environ`, 'utf8'), 'SQUADD_UNIT=again', 'its own, no other')

  plantSystemctl(squad.dir, 'echo Unit again not found. >&2; exit 5')
  t.match(await squad.runWith(asked, 'restart'), {
    exitCode: 3,
    stderr:
      /has stopped, and systemd did not start again: Unit again not found\.; systemctl status/,
  })
  t.strictSame(calls().at(-1), 'start -- again', 'not of the user, as nothing says so')
})

t.test(
  'where the unit has no name here a restart says what to do, and stops nothing',
  async (t) => {
    const squad = new Squadd()
    t.teardown(() => squad.remove())
    const script = 'SYSTEMD_EXEC_PID=$$ exec "$0" "$1" start --foreground'
    const daemon = spawn('sh', ['-c', script, process.execPath, squad.bin], {
      env: { ...process.env, NODE_OPTIONS: '', SQUADD_HOME: squad.home },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = createInterface(daemon.stderr)
    for (let text = ''; !text.includes('ready');) [text] = (await once(said, 'line')) as [string]
    const { stderr, exitCode } = await squad.run('restart')
    t.equal(exitCode, 6)
    t.match(stderr, /systemd runs this daemon; systemctl restart its unit/)
    t.equal(await squad.pid(), daemon.pid)
    daemon.kill('SIGTERM')
    await once(daemon, 'exit')
  },
)

t.test('systemd takes the unit as it is', { skip: unless('systemd-analyze') }, async (t) => {
  const dir = scratch(t)
  const { stdout } = await new CommandLine(join(dir, 'a $HOME "of" 50% its own')).run(['systemd'])
  const file = join(dir, 'squadd.service')
  writeFileSync(file, stdout)
  const verify = async () =>
    execa('systemd-analyze', ['--user', 'verify', file], {
      env: { HOME: dir, XDG_RUNTIME_DIR: dir },
      reject: false,
    })
  const { exitCode, stderr } = await verify()
  t.equal(exitCode, 0, stderr)
  t.notMatch(stderr, /squadd\.service/)
  writeFileSync(file, stdout.replace('KillMode=process', 'KilMode=process'))
  t.match((await verify()).stderr, /KilMode/, 'and it would say what it does not know')
})

const listener = `use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0]));
  $| = 1; print "bound\\n"; recv(S, $m, 4096, 0); $m =~ s/\\n/ /g; print "$m\\n";`

t.test(
  'the service is ready when the daemon is',
  { skip: unless('systemd-notify', 'perl') },
  async (t) => {
    const dir = scratch(t)
    const socket = join(dir, 'notify')
    const perl = spawn('perl', ['-e', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => perl.kill('SIGKILL'))
    const lines = createInterface(perl.stdout)
    t.match(await once(lines, 'line'), ['bound'])
    const cli = new CommandLine(join(dir, 'home'))
    mkdirSync(cli.home, { mode: 0o700 })
    const said = once(lines, 'line')
    const daemon = cli.start(['start', '--foreground'], { env: { NOTIFY_SOCKET: socket } })
    t.match(await said, [/READY=1/])
    t.match(await cli.json('status'), { version: String }, 'and it answers')
    daemon.kill('SIGTERM')
    t.match(await once(daemon, 'exit'), [0])
  },
)
