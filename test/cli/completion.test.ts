import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa, execaSync } from 'execa'
import type { Test } from 'tap'
import t from 'tap'
import { scratch } from '../support/api.ts'
import { bin, emptyHome, servedHome } from '../support/cli.ts'

t.setTimeout(600_000)

const { NODE_OPTIONS: _, ...own } = process.env as Record<string, string>

const has = (shell: string): boolean =>
  execaSync('sh', ['-c', `command -v ${shell}`], { reject: false }).exitCode === 0
const unlessThere = (shell: string) => (has(shell) ? false : `${shell} is not installed`)

/** A home with two agents and two tasks, and `squadd` in a PATH of its own. */
async function served(t: Test) {
  const { cli, squad } = await servedHome(t)
  for (const id of ['ada', 'bob']) await squad.addAgent({ id, repo: '/repo' })
  await squad.submit([{ prompt: 'x' }, { prompt: 'y' }])
  const dir = scratch(t)
  mkdirSync(join(dir, 'bin'))
  symlinkSync(bin, join(dir, 'bin', 'squadd'))
  const node = join(process.execPath, '..')
  const env = { ...own, PATH: `${join(dir, 'bin')}:${node}:${own['PATH']}`, SQUADD_HOME: cli.home }
  return { dir, env: env as Record<string, string> }
}

/** Words before the cursor, the last one under it, and what is offered there. */
const cases: [line: string[], offered: RegExp][] = [
  [['st'], /^start stop status$/],
  [['agent', ''], /^add list show .*diff$/],
  [['agent', 'add', 'x', '--pro'], /^--program$/],
  [['agent', 'add', 'x', '--program', 'c'], /^claude codex command$/],
  [['agent', 'show', ''], /^ada bob$/],
  [['agent', 'show', 'b'], /^bob$/],
  [['task', 'add', '--affinity', 'a'], /^ada$/],
  [['task', 'add', '--priority', ''], /^low normal high critical$/],
  [['task', 'wait', 't1', ''], /t1.*t2|t2.*t1/],
  [['task', 'list', '--state', 're'], /^ready$/],
  [['explain', ''], /ada.*t1/],
  [['completion', ''], /^bash zsh fish$/],
  [['config', ''], /^show$/],
  [['doctor', '--re'], /^--repair$/],
  [['agent', 'add', 'x', '--', 'ad'], /^$/],
  [['agent', 'add', 'ad'], /^$/],
]

t.test('bash is offered what the command table has, and names that the daemon knows', async (t) => {
  const { env, dir } = await served(t)
  const script = join(dir, 'ask.bash')
  const asks = cases.map(([words], i) => {
    const quoted = ['squadd', ...words].map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _squadd; echo "${i}:\${COMPREPLY[*]}"`
  })
  writeFileSync(script, ['source <(squadd completion bash)', ...asks].join('\n'))
  const { stdout, stderr } = await execa('bash', ['--norc', script], { env, extendEnv: false })
  t.equal(stderr, '')
  const answers = stdout.split('\n')
  for (const [i, [words, offered]] of cases.entries())
    t.match(answers[i]?.replace(`${i}:`, ''), offered, words.join(' '))
})

t.test('fish is offered the same', { skip: unlessThere('fish') }, async (t) => {
  const { env, dir } = await served(t)
  for (const [words, offered] of cases) {
    const line = ['squadd', ...words].join(' ')
    const script = `squadd completion fish | source; complete -C '${line}'`
    const { stdout } = await execa('fish', ['--no-config', '-c', script], {
      env: { ...env, HOME: dir },
      extendEnv: false,
    })
    const found = stdout.split('\n').map((row) => row.split('\t')[0])
    const wanted = offered.source.replace(/[\^$]/g, '').split(/ |\.\*|\|/)
    for (const word of wanted.filter(Boolean)) t.ok(found.includes(word), `${line} → ${word}`)
  }
})

/** A shell in a terminal: keys go in, and what is seen comes out. */
async function terminal(t: Test, dir: string, env: Record<string, string>, argv: string[]) {
  const socket = join(dir, 'shell.sock')
  const { TMUX: _tmux, ...rest } = env
  const tmux = async (...args: string[]) =>
    (
      await execa('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
        env: rest,
        extendEnv: false,
      })
    ).stdout
  await tmux('new-session', '-d', '-x', '120', '-y', '30', ...argv)
  t.teardown(() => execaSync('tmux', ['-S', socket, 'kill-server'], { reject: false }))
  return {
    type: (...keys: string[]) => tmux('send-keys', ...keys),
    /** Waits until the screen shows it. */
    async shows(text: string) {
      for (let tries = 0; tries < 2000; tries++)
        if ((await tmux('capture-pane', '-p')).includes(text)) return t.pass(text)
      t.fail(`not on the screen: ${text}\n${await tmux('capture-pane', '-p')}`)
    },
  }
}

t.test('a person completes a command in the terminal of bash', async (t) => {
  const { env, dir } = await served(t)
  const shell = await terminal(t, dir, { ...env, PS1: '> ' }, [
    'bash',
    '--norc',
    '--noprofile',
    '-i',
  ])
  await shell.type('source <(squadd completion bash); echo re""ady', 'Enter')
  await shell.shows('\nready')
  await shell.type('squadd ag', 'Tab', 'sh', 'Tab', 'b', 'Tab')
  await shell.shows('squadd agent show bob')
})

t.test('and in that of zsh', { skip: unlessThere('zsh') }, async (t) => {
  const { env, dir } = await served(t)
  const shell = await terminal(t, dir, { ...env, HOME: dir }, ['zsh', '-f', '-i'])
  const setUp = 'autoload -Uz compinit; compinit -u -D; source <(squadd completion zsh)'
  await shell.type(`${setUp}; echo re""ady`, 'Enter')
  await shell.shows('\nready')
  await shell.type('squadd agent add x --progr', 'Tab')
  await shell.shows('squadd agent add x --program')
  await shell.type('cl', 'Tab')
  await shell.shows('--program claude')
  await shell.type('C-u', 'squadd agent show b', 'Tab')
  await shell.shows('squadd agent show bob')
})

t.test('without a daemon there are no names, and no word about it', async (t) => {
  const cli = emptyHome(t)
  for (const subject of ['agents', 'tasks', 'subjects'])
    t.match(await cli.run(['__complete', subject]), { code: 0, stdout: '', stderr: '' }, subject)
  t.match(await cli.run(['completion', 'csh']), { code: 2, stderr: /bash, zsh, fish/ })
})
