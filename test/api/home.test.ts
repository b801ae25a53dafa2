import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { configOrigin, readConfigFile } from '../../src/supervisor/config-file.ts'
import { defaults } from '../../src/supervisor/domain/config.ts'
import { prepareHome, resolveHome } from '../../src/supervisor/home.ts'
import { scratch } from '../support/api.ts'

t.test('one folder holds everything when it is named', (t) => {
  const home = resolveHome({ home: '/srv/squad', env: { SQUADD_HOME: '/other', HOME: '/home/me' } })
  t.same(home, {
    root: '/srv/squad',
    configFile: '/srv/squad/config.json',
    stateDir: '/srv/squad',
    storeFile: '/srv/squad/squadd.db',
    lockFile: '/srv/squad/lock.db',
    startLockFile: '/srv/squad/start-lock.db',
    pidFile: '/srv/squad/daemon.pid',
    logFile: '/srv/squad/daemon.log',
    printFile: '/srv/squad/printed.log',
    agentsDir: '/srv/squad/agents',
    logsDir: '/srv/squad/logs',
    backupsDir: '/srv/squad/backups',
    worktreesDir: '/srv/squad/worktrees',
    runtimeDir: '/srv/squad/run',
    socket: '/srv/squad/run/squadd.sock',
    tokenFile: '/srv/squad/token',
    agentSocket: '/srv/squad/run/agents.sock',
    agentSecretFile: '/srv/squad/agent-secret',
  })
  t.same(resolveHome({ env: { SQUADD_HOME: '/srv/squad' } }), home)
  t.equal(resolveHome({ home: 'here', env: {} }).root, resolve('here'))
  t.throws(() => resolveHome({ home: '', env: {} }), { code: 'SQUADD_INVALID' })
  t.end()
})

t.test('else the XDG folders hold it, unless they are relative', (t) => {
  const named = {
    XDG_CONFIG_HOME: '/c',
    XDG_STATE_HOME: '/s',
    XDG_DATA_HOME: '/d',
    XDG_RUNTIME_DIR: '/r',
  }
  t.match(resolveHome({ env: { HOME: '/home/me', SQUADD_HOME: '', ...named } }), {
    root: '/s/squadd',
    configFile: '/c/squadd/config.json',
    storeFile: '/s/squadd/squadd.db',
    worktreesDir: '/d/squadd/worktrees',
    socket: '/r/squadd/squadd.sock',
  })
  const usual = {
    root: '/home/me/.local/state/squadd',
    configFile: '/home/me/.config/squadd/config.json',
    worktreesDir: '/home/me/.local/share/squadd/worktrees',
    socket: '/home/me/.local/state/squadd/run/squadd.sock',
  }
  t.match(resolveHome({ env: { HOME: '/home/me' } }), usual)
  const relative = Object.fromEntries(Object.keys(named).map((name) => [name, 'relative/dir']))
  t.match(resolveHome({ env: { HOME: '/home/me', ...relative } }), usual)
  t.equal(resolveHome({ env: {} }).configFile, join(homedir(), '.config/squadd/config.json'))
  t.end()
})

t.test('every path is absolute, and sockets fit or the home is refused', (t) => {
  const part = fc.stringMatching(/^[a-zA-Zé0-9 ._-]{1,40}$/).filter((one) => !/^\.+$/.test(one))
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`)
  fc.assert(
    fc.property(path, (home) => {
      // An agent's socket has a longer name than ours: a7654321.sock.
      const fits = Buffer.byteLength(join(home, 'run', 'a1234567.sock')) <= 108
      try {
        const found = resolveHome({ home, env: {} })
        return fits && Object.values(found).every((one) => isAbsolute(one))
      } catch (error) {
        return !fits && /choose a shorter --home/.test(String(error))
      }
    }),
  )
  const long = `/${'x'.repeat(100)}`
  t.throws(() => resolveHome({ home: long, env: {} }), {
    code: 'SQUADD_BAD_CONFIG',
    message: new RegExp(`${long}/run .* 118 bytes, the limit is 107; choose a shorter --home`),
  })
  t.throws(() => resolveHome({ env: { HOME: '/h', XDG_RUNTIME_DIR: long } }), {
    message: /set XDG_RUNTIME_DIR to a shorter folder/,
  })
  t.end()
})

t.test('a home is made for its owner alone', (t) => {
  const root = join(scratch(t), 'deep', 'home')
  const home = resolveHome({ home: root, env: {} })
  prepareHome(home)
  prepareHome(home)
  for (const dir of [root, home.agentsDir, home.logsDir, home.worktreesDir, home.runtimeDir])
    t.equal(statSync(dir).mode & 0o777, 0o700, dir)
  chmodSync(root, 0o775)
  prepareHome(home)
  t.end()
})

t.test('a home that is not safe or does not work is refused, with the way out', (t) => {
  const asRoot = process.getuid?.() === 0
  type Case = [name: string, spoil: (home: ReturnType<typeof resolveHome>) => void, message: RegExp]
  const cases: Case[] = [
    ['a linked root', ({ root }) => symlinkSync(scratch(t), root), /symbolic link/],
    ['a file as root', ({ root }) => writeFileSync(root, ''), /not a folder/],
    [
      'a linked runtime folder',
      ({ root, runtimeDir }) => {
        mkdirSync(root)
        symlinkSync(scratch(t), runtimeDir)
      },
      /run is a symbolic link/,
    ],
    [
      'a dangling link',
      ({ root, logsDir }) => {
        mkdirSync(root)
        symlinkSync('/nowhere/at/all', logsDir)
      },
      /logs is a symbolic link/,
    ],
    [
      'a runtime folder for the group',
      ({ root, runtimeDir }) => {
        mkdirSync(root)
        mkdirSync(runtimeDir)
        chmodSync(runtimeDir, 0o770)
      },
      /others may write to .*; chmod 700/,
    ],
    [
      'a runtime folder for all',
      ({ root, runtimeDir }) => {
        mkdirSync(root)
        mkdirSync(runtimeDir)
        chmodSync(runtimeDir, 0o1777)
      },
      /others may write to .*; chmod 700/,
    ],
    [
      'a file in the way',
      ({ root, agentsDir }) => {
        mkdirSync(root)
        writeFileSync(agentsDir, '')
      },
      /agents is not a folder/,
    ],
  ]
  if (asRoot)
    cases.push([
      'another user’s folder',
      ({ root, runtimeDir }) => {
        mkdirSync(root)
        mkdirSync(runtimeDir)
        chownSync(runtimeDir, 12_345, 12_345)
      },
      /belongs to user 12345, not to you \(0\)/,
    ])
  else cases.push(['a folder without rights', ({ root }) => mkdirSync(root, 0o500), /cannot be/])
  for (const [name, spoil, message] of cases) {
    const home = resolveHome({ home: join(scratch(t), 'home'), env: {} })
    spoil(home)
    t.throws(() => prepareHome(home), { code: 'SQUADD_BAD_CONFIG', message }, name)
  }
  const file = join(scratch(t), 'file')
  writeFileSync(file, '')
  t.throws(() => prepareHome(resolveHome({ home: join(file, 'home'), env: {} })), {
    code: 'SQUADD_BAD_CONFIG',
    message: /cannot make .*file\/home/,
  })
  t.throws(() => prepareHome(resolveHome({ home: '/proc/squadd/home', env: {} })), {
    code: 'SQUADD_BAD_CONFIG',
    message: /cannot make \/proc\/squadd\/home: .*make it yourself/,
  })
  t.end()
})

t.test('a missing configuration means the defaults, unless it was named', (t) => {
  const file = join(scratch(t), 'config.json')
  t.same(readConfigFile(file), defaults)
  t.throws(() => readConfigFile(file, { required: true }), {
    code: 'SQUADD_BAD_CONFIG',
    message: new RegExp(file),
  })
  mkdirSync(file)
  t.throws(() => readConfigFile(file), { code: 'SQUADD_BAD_CONFIG', message: /cannot be read/ })
  t.end()
})

t.test('settings are read from the file, and say where they come from', (t) => {
  const file = join(scratch(t), 'config.json')
  writeFileSync(file, '\uFEFF{ "maxConcurrentTasks": 3, "taskTimeoutMs": "5m" }')
  const config = readConfigFile(file)
  t.match(config, { maxConcurrentTasks: 3, taskTimeoutMs: 300_000, taskQueueSize: 100_000 })
  const origin = configOrigin(file)
  t.same(Object.keys(origin), Object.keys(defaults))
  t.same(origin.taskTimeoutMs, { value: 300_000, origin: 'file' })
  t.same(origin.taskQueueSize, { value: 100_000, origin: 'default' })
  t.end()
})

t.test('a broken configuration says where', (t) => {
  const file = join(scratch(t), 'config.json')
  const cases: [text: string, place: string | RegExp][] = [
    ['', '1:1'],
    ['{"maxConcurrentTasks": 3', '1:25'],
    ['{\n  "maxConcurrentTasks": 3\n  "taskQueueSize": 4\n}', '3:3'],
    ['{\n  "maxConcurrentTasks": tru\n}', '2:28'],
    ['{ "a": "x\ny" }', '1:10'],
    ['{ maxConcurrentTasks: 3 }', '1:3'],
    ['{}\n}', '2:1'],
    ["{ 'a': 1 }", '1:3'],
  ]
  for (const [text, place] of cases) {
    writeFileSync(file, text)
    const message = new RegExp(`${file}:${place} is not JSON`)
    t.throws(() => readConfigFile(file), { code: 'SQUADD_BAD_CONFIG', message }, place.toString())
  }
  const wrong: [text: string, message: RegExp][] = [
    ['[]', /config.json: the configuration is not an object/],
    ['{ "maxConcurentTasks": 3 }', /config.json: .* did you mean maxConcurrentTasks\?$/],
    ['{ "taskTimeoutMs": "soon" }', /config.json: taskTimeoutMs "soon" is not a duration/],
  ]
  for (const [text, message] of wrong) {
    writeFileSync(file, text)
    t.throws(
      () => readConfigFile(file),
      { code: 'SQUADD_BAD_CONFIG', message, data: { file } },
      text,
    )
  }
  t.end()
})
