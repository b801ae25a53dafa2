import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { agentTransitions } from '../src/supervisor/domain/agent.ts'
import { taskTransitions } from '../src/supervisor/domain/task.ts'
import { version } from '../src/supervisor/version.ts'
import { Squadd } from './support/squadd.ts'

t.setTimeout(600_000)

const root = join(import.meta.dirname, '..')
const file = (name: string) => readFileSync(join(root, name), 'utf8')
const readme = file('README.md')
const block = (kind: string, holding: string): string =>
  [...readme.matchAll(new RegExp('```' + kind + '\\n([^]*?)```', 'g'))]
    .map(([, text = '']) => text)
    .find((text) => text.includes(holding)) ?? ''

/** One line a state: where each signal leads. */
const print = (table: Record<string, Record<string, string>>): string =>
  Object.entries(table)
    .map(([state, row]) => {
      const moves = Object.entries(row).map(([signal, to]) => `${signal} → ${to}`)
      return `${state.padEnd(9)} ${moves.join(' · ') || '(the end)'}\n`
    })
    .join('')

t.test('the README shows the tables of states as they are', (t) => {
  t.equal(block('states', 'ready'), `${print(taskTransitions)}\n${print(agentTransitions)}`)
  t.end()
})

t.test('the version is that of the package', (t) => {
  t.equal(version, (JSON.parse(file('package.json')) as { version: string }).version)
  t.end()
})

t.test('the session of the README works as printed', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const bin = join(squad.dir, 'bin')
  mkdirSync(bin)
  symlinkSync(join(import.meta.dirname, '../bin/squadd.js'), join(bin, 'squadd'))
  const env = { PATH: `${bin}:${process.env['PATH']}`, SQUADD_HOME: squad.home }
  const printed: string[] = []
  const lines = block('sh', 'squadd start').split('\n').filter(Boolean)
  t.ok(lines.length >= 10)
  for (const line of lines) {
    // A terminal is needed for that one; test/squad.test.ts has one.
    if (line.includes('attach')) continue
    const { stdout, stderr, exitCode } = await execa('sh', ['-c', line], {
      cwd: squad.repo,
      env,
      reject: false,
      stdin: 'ignore',
    })
    t.equal(exitCode, 0, `${line} ${stderr}`)
    printed.push(stdout)
    const [, promised] = /# prints (t\d)/.exec(line) ?? []
    if (promised) t.equal(stdout, promised)
  }
  t.ok(printed.includes('1'), 'the output of t2 is what wc said')
})

t.test('the WorkerPool of the README prints what it says', async (t) => {
  const work = 'export const square = (n) => n * n\nexport const loop = () => { for (;;); }\n'
  const dir = t.testdir({
    'example.ts': block('ts', 'new WorkerPool').replace(
      "'squadd'",
      `'${join(root, 'src/index.ts')}'`,
    ),
    'work.js': work,
    'package.json': '{ "type": "module" }',
  })
  const flags = ['--conditions=squadd-source', '--disable-warning=ExperimentalWarning']
  const { stdout } = await execa(process.execPath, [...flags, join(dir, 'example.ts')])
  t.equal(`${stdout}\n`, block('output', 'SQUADD_POOL'))
})
