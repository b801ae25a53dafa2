import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execaSync } from 'execa'
import { bareEnvironment } from './home.ts'
import { installAgents } from './install.ts'
import { isolated, whyNotIsolated } from './namespace.ts'

/** `npm run test:agents [FILE… | tap's options]`: the tests with the real agent programs. */
const here = import.meta.dirname
await installAgents()

const given = process.argv.slice(2)
const files = given.some((argument) => argument.endsWith('.agents.ts'))
  ? []
  : globSync(join(here, '*.agents.ts'))
const tap = resolve(here, '../../node_modules/.bin/tap')
const command = [tap, '--disable-coverage', '--jobs=1', '--timeout=3600', ...given, ...files]

const why = whyNotIsolated()
if (why !== null) console.error(`${why}\nThe tests skip themselves.`)
const [file = '', ...args] = why === null ? isolated(command) : command

const home = mkdtempSync(join(tmpdir(), 'squadd-agents-'))
const cache = {
  XDG_CACHE_HOME: resolve(process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME']!, '.cache')),
}
/** What the person who runs them may choose. */
const chosen = Object.fromEntries(
  ['TURNS', 'SEED', 'PROGRAMS'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }),
)
const { exitCode } = execaSync(file, args, {
  env: { ...bareEnvironment(home), ...cache, ...chosen },
  extendEnv: false,
  stdio: 'inherit',
  reject: false,
})
rmSync(home, { recursive: true, force: true })
process.exitCode = exitCode ?? 1
