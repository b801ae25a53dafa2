import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CheckName, FactsOf } from '../../src/supervisor/operations/checks.ts'
import { checks } from '../../src/supervisor/operations/checks.ts'
import type { Judgement } from '../../src/supervisor/operations/judgement.ts'
import { triedVersions } from '../../src/supervisor/operations/probes/agents.ts'

type Ill<N extends CheckName> = [facts: FactsOf<N>, status: 'warn' | 'fail', says: RegExp]
type Cases = { [N in CheckName]: { well: FactsOf<N>[]; ill: Ill<N>[] } }

const file = { path: '/h/x', mode: 0o600, isOurs: true, kind: 'file' } as const
const folder = { path: '/h', mode: 0o700, isOurs: true, kind: 'folder' } as const
const socket = { path: '/h/run/squadd.sock', mode: 0o600, isOurs: true, kind: 'socket' } as const
const claude = {
  name: 'claude',
  agents: ['ada'],
  isInstalled: true,
  version: '2.1.330',
  tried: '2.1.330',
} as const
const project = { repo: '/r', files: ['.mcp.json'], agents: ['ada'], trustedBy: [] }
const mib = 1024 ** 2
const hour = 3_600_000
const backup = { exists: true, ageMs: hour, intervalMs: 24 * hour, count: 3 }
const now = Date.UTC(2026, 10, 24)

/** For each check what passes, and what it must find. */
const cases: Cases = {
  daemon: {
    well: [
      { holder: null, answers: null, canTell: true },
      { holder: 7, answers: 7, canTell: true },
      { holder: null, answers: null, canTell: false },
    ],
    ill: [[{ holder: 7, answers: null, canTell: true }, 'fail', /process 7 holds the lock/]],
  },
  socket: {
    well: [
      { file: null, isHeld: false },
      { file: socket, isHeld: true },
    ],
    ill: [
      [{ file: socket, isHeld: false }, 'warn', /dead daemon/],
      [{ file: { ...socket, mode: 0o666 }, isHeld: true }, 'fail', /chmod 600/],
      [{ file: { ...socket, isOurs: false }, isHeld: true }, 'fail', /another user/],
      [{ file: { ...socket, kind: 'file' }, isHeld: true }, 'fail', /not a socket/],
    ],
  },
  folders: {
    well: [
      { found: [], missing: ['/h'] },
      { found: [folder], missing: [] },
    ],
    ill: [
      [{ found: [folder], missing: ['/h/logs'] }, 'warn', /\/h\/logs is missing/],
      [{ found: [{ ...folder, mode: 0o755 }], missing: [] }, 'fail', /others may look into \/h/],
      [{ found: [{ ...folder, kind: 'link' }], missing: [] }, 'fail', /not a folder of yours/],
      [{ found: [{ ...folder, isOurs: false }], missing: [] }, 'fail', /not a folder of yours/],
    ],
  },
  'socket-path': {
    well: [{ bytes: 60, path: '/h/run/squadd.sock' }],
    ill: [
      [{ bytes: 105, path: '/h' }, 'warn', /105 of 107/],
      [{ bytes: 108, path: '/h' }, 'fail', /shorter --home/],
    ],
  },
  filesystem: {
    well: [
      { path: '/h', type: 0xef53 },
      { path: '/h', type: 12 },
    ],
    ill: [
      [{ path: '/h', type: 0x6969 }, 'fail', /on NFS: locks/],
      [{ path: '/h', type: 0xff534d42 }, 'fail', /on CIFS/],
      [{ path: '/h', type: 0x01021994 }, 'warn', /tmpfs: tasks are gone/],
    ],
  },
  config: {
    well: [{ file: '/h/config.json', problem: null }],
    ill: [[{ file: '/h/config.json', problem: 'maxTasks is not a setting' }, 'fail', /maxTasks/]],
  },
  token: {
    well: [{ file: null }, { file }],
    ill: [[{ file: { ...file, mode: 0o640 } }, 'fail', /read by others/]],
  },
  log: {
    well: [
      { bytes: 5 * mib, path: '/h/daemon.log', error: null },
      { bytes: 5, path: '/h/daemon.log', error: { says: 'not handled', ageMs: 30 * hour } },
    ],
    ill: [
      [
        { bytes: 2000 * mib, path: '/h/daemon.log', error: null },
        'warn',
        /2 GiB in \/h\/daemon.log/,
      ],
      [
        { bytes: 5, path: '/h/daemon.log', error: { says: 'not\n handled', ageMs: 5 * hour } },
        'warn',
        /5 bytes in .*, 5h ago: not handled; squadd logs --level error/,
      ],
    ],
  },
  printed: {
    well: [{ bytes: 0, path: '/h/printed.log', error: null }],
    ill: [
      [{ bytes: 65 * mib, path: '/h/printed.log', error: null }, 'warn', /65 MiB/],
      [
        { bytes: 5, path: '/h/printed.log', error: { says: 'FATAL ERROR: heap', ageMs: 0 } },
        'warn',
        /FATAL ERROR: heap; look at it: \/h\/printed.log/,
      ],
    ],
  },
  version: {
    well: [
      { ours: '0.1.0', daemons: null },
      { ours: '0.1.0', daemons: '0.1.0' },
    ],
    ill: [[{ ours: '0.2.0', daemons: '0.1.0' }, 'warn', /this is 0.2.0, the daemon is 0.1.0/]],
  },
  database: {
    well: [
      { exists: false, problem: null, backups: 0 },
      { exists: true, problem: null, backups: 2 },
    ],
    ill: [
      [{ exists: true, problem: 'row 7 missing', backups: 2 }, 'fail', /row 7.*doctor --repair/],
      [{ exists: false, problem: null, backups: 2 }, 'fail', /gone, and 2 backups are there/],
    ],
  },
  schema: {
    well: [
      { version: 2, known: 2 },
      { version: null, known: 2 },
    ],
    ill: [
      [{ version: 3, known: 2 }, 'fail', /newer squadd/],
      [{ version: 1, known: 2 }, 'warn', /after a backup/],
    ],
  },
  'write-ahead-log': {
    well: [{ bytes: 16 * mib }],
    ill: [[{ bytes: 300 * mib }, 'warn', /300 MiB/]],
  },
  backup: {
    well: [backup, { ...backup, exists: false, ageMs: null }],
    ill: [
      [{ ...backup, ageMs: null, count: 0 }, 'warn', /there is none/],
      [{ ...backup, ageMs: 50 * hour }, 'warn', /2d old/],
      [{ ...backup, ageMs: 200 * hour, intervalMs: 0 }, 'warn', /8d old/],
    ],
  },
  outputs: {
    well: [
      { bytes: mib, budgetBytes: mib },
      { bytes: 9 * mib, budgetBytes: 0 },
    ],
    ill: [[{ bytes: 9 * mib, budgetBytes: mib }, 'warn', /the budget is 1 MiB/]],
  },
  worktrees: {
    well: [{ stale: [] }],
    ill: [[{ stale: ['/h/worktrees/old'] }, 'warn', /worktrees\/old: no agent has it/]],
  },
  leftovers: {
    well: [{ processes: [], sockets: [] }],
    ill: [
      [{ processes: ['7 (sleep)'], sockets: [] }, 'fail', /7 \(sleep\)/],
      [{ processes: [], sockets: ['a9.sock'] }, 'warn', /a9\.sock/],
    ],
  },
  programs: {
    well: [
      { programs: [claude] },
      { programs: [{ ...claude, agents: [], isInstalled: false, version: null }] },
    ],
    ill: [
      [{ programs: [{ ...claude, isInstalled: false }] }, 'fail', /claude \(for ada\) is not in/],
      [{ programs: [{ ...claude, version: '3.0.0' }] }, 'warn', /doctor --program claude/],
    ],
  },
  logins: {
    well: [
      { logins: [{ name: 'codex', agents: ['ada'], hints: ['OPENAI_API_KEY'] }] },
      { logins: [{ name: 'codex', agents: [], hints: [] }] },
    ],
    ill: [[{ logins: [{ name: 'codex', agents: ['ada'], hints: [] }] }, 'warn', /login for codex/]],
  },
  'project-configuration': {
    well: [{ projects: [] }, { projects: [project] }],
    ill: [
      [
        { projects: [{ ...project, trustedBy: ['ada'] }] },
        'warn',
        /run commands as you, trusted for ada: \/r \(\.mcp\.json\)/,
      ],
    ],
  },
  node: {
    well: [{ said: '24.21.0' }, { said: '26.0.0' }],
    ill: [[{ said: '22.1.0' }, 'fail', /too old/]],
  },
  tmux: {
    well: [{ said: 'tmux 3.3a' }, { said: 'tmux next-3.6' }, { said: 'tmux 3.2' }],
    ill: [
      [{ said: null }, 'fail', /cannot be run/],
      [{ said: 'tmux 3.1c' }, 'fail', /install tmux 3.2/],
    ],
  },
  git: {
    well: [{ said: 'git version 2.38.0' }],
    ill: [[{ said: 'git version 2.37.9' }, 'fail', /2.37 is too old/]],
  },
  disk: {
    well: [{ path: '/h', freeBytes: 9000 * mib, wantedBytes: 512 * mib }],
    ill: [
      [{ path: '/h', freeBytes: 100 * mib, wantedBytes: 512 * mib }, 'fail', /minFreeDiskBytes/],
      [{ path: '/h', freeBytes: 600 * mib, wantedBytes: 512 * mib }, 'warn', /600 MiB free/],
    ],
  },
  inodes: {
    well: [
      { path: '/h', freeFiles: 1e6, wantedFiles: 1000 },
      { path: '/h', freeFiles: Infinity, wantedFiles: 1000 },
      { path: '/h', freeFiles: 0, wantedFiles: 0 },
    ],
    ill: [
      [{ path: '/h', freeFiles: 5000, wantedFiles: 1000 }, 'warn', /5000 inodes/],
      [{ path: '/h', freeFiles: 3, wantedFiles: 1000 }, 'fail', /3 inodes.*minFreeFiles/],
    ],
  },
  memory: {
    well: [{ freeBytes: 900 * mib, wantedBytes: 256 * mib }],
    ill: [[{ freeBytes: 9 * mib, wantedBytes: 256 * mib }, 'warn', /9 MiB free/]],
  },
  'open-files': {
    well: [{ limit: 4096 }, { limit: Infinity }],
    ill: [
      [{ limit: 512 }, 'warn', /ulimit -n/],
      [{ limit: 64 }, 'fail', /64 files/],
    ],
  },
  processes: {
    well: [{ limit: Infinity }, { limit: 4096 }],
    ill: [
      [{ limit: 256 }, 'warn', /256 processes/],
      [{ limit: 20 }, 'fail', /ulimit -u/],
    ],
  },
  inotify: {
    well: [{ instances: 128, used: 4 }],
    ill: [
      [{ instances: 128, used: 125 }, 'warn', /125 of 128/],
      [{ instances: 128, used: 128 }, 'fail', /max_user_instances/],
    ],
  },
  linger: {
    well: [
      { isLogin: false, isLingering: false },
      { isLogin: true, isLingering: true },
    ],
    ill: [[{ isLogin: true, isLingering: false }, 'warn', /loginctl enable-linger/]],
  },
  cgroup: {
    well: [{ version: 2, isWritable: true }],
    ill: [
      [{ version: null, isWritable: false }, 'warn', /no cgroup v2/],
      [{ version: 2, isWritable: false }, 'warn', /Delegate=yes/],
    ],
  },
  clock: {
    well: [
      { now, newestAt: now + 1000, builtAt: now - hour },
      { now, newestAt: null, builtAt: now - hour },
    ],
    ill: [
      [{ now, newestAt: now + hour, builtAt: 0 }, 'fail', /before the newest record/],
      [{ now: 0, newestAt: null, builtAt: now }, 'fail', /1970.*before this squadd was made/],
    ],
  },
  user: { well: [{ uid: 1000 }], ill: [[{ uid: 0 }, 'warn', /root/]] },
  locale: {
    well: [{ name: 'C.UTF-8' }, { name: 'de_DE.utf8' }],
    ill: [
      [{ name: null }, 'warn', /not set/],
      [{ name: 'C' }, 'warn', /C is not UTF-8/],
    ],
  },
  'time-zone': {
    well: [
      { zone: null, isKnown: true },
      { zone: 'Europe/Paris', isKnown: true },
    ],
    ill: [[{ zone: 'Mars/Olympus', isKnown: false }, 'warn', /TZ=Mars\/Olympus is unknown/]],
  },
  tmpdir: {
    well: [{ path: '/tmp', problem: null }],
    ill: [[{ path: '/gone', problem: 'ENOENT' }, 'fail', /set TMPDIR/]],
  },
  'git-environment': {
    well: [{ names: [] }],
    ill: [[{ names: ['GIT_DIR'] }, 'warn', /GIT_DIR set here/]],
  },
  'tmux-conf': {
    well: [{ servers: 3, foreign: [] }],
    ill: [[{ servers: 3, foreign: ['/h/run/a1.sock'] }, 'fail', /not ours/]],
  },
}

t.test('each check passes what is well and finds what is not, with a way out', (t) => {
  const names = Object.keys(checks) as CheckName[]
  t.ok(names.length >= 25, `${names.length} checks`)
  for (const name of names) {
    const judge = checks[name] as (facts: unknown) => Judgement
    const { well, ill } = cases[name]
    for (const facts of well)
      t.match(judge(facts), { status: 'ok', fix: null }, `${name} ${JSON.stringify(facts)}`)
    t.ok(ill.length > 0, `${name} can fail`)
    for (const [facts, status, says] of ill) {
      const found = judge(facts)
      t.equal(found.status, status, `${name} ${JSON.stringify(facts)}`)
      t.match(`${found.detail}; ${found.fix}`, says)
      t.ok(found.fix, `${name} says what to do`)
    }
  }
  t.end()
})

t.test('the versions that were tried are those of the docs', (t) => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/agent-programs.md'), 'utf8')
  for (const [name, version] of Object.entries(triedVersions))
    t.match(docs, `| \`${name}\` | ${version ?? 'from its documentation'} |`)
  t.end()
})
