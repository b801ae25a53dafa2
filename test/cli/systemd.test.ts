import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa, execaSync } from 'execa'
import t from 'tap'
import { scratch } from '../support/api.ts'
import { CommandLine } from '../support/cli.ts'

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
    'WantedBy=default.target',
  ])
    t.ok(stdout.includes(`\n${line}\n`), line)
  t.match(stdout, 'a $$HOME \\"of\\" 50%% its own"')
  t.match(stderr, /enable-linger/)
})

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
