import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import t from 'tap'
import type { Task } from '../src/supervisor/domain/task.ts'
import { Squadd } from './support/squadd.ts'

t.setTimeout(600_000)

type Case = [args: string[], exitCode: number, says: RegExp]

t.test('bad input gets a clear error, the right exit code, and nothing half-done', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const { dir, repo } = squad
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', repo)
  const failed = await squad.json<Task>('task', 'add', 'exit 1')
  await squad.run('task', 'wait', failed.id)
  squad.git('branch', 'taken')
  mkdirSync(join(dir, 'plain'))
  mkdirSync(join(dir, 'empty'))
  execaSync('git', ['init', '-q', join(dir, 'empty')])
  const big = join(dir, 'big.txt')
  writeFileSync(big, 'x'.repeat(5 * 1024 * 1024))
  const batch = (name: string, ...lines: string[]) => {
    writeFileSync(join(dir, name), lines.join('\n'))
    return join(dir, name)
  }
  const canary = join(dir, 'canary')
  const before = {
    agents: await squad.json('agent', 'list'),
    tasks: await squad.json('task', 'list'),
    branches: squad.git('branch', '--list'),
  }
  const add = (...args: string[]) => ['agent', 'add', ...args]
  const cases: Case[] = [
    [add('bob', '--repo', join(dir, 'nowhere')), 2, /repo .*nowhere/],
    [add('bob', '--repo', join(dir, 'plain')), 2, /repo .*not a git repository/],
    [add('bob', '--repo', join(dir, 'empty')), 2, /repo .*no commit/],
    [add('bob', '--repo', repo, '--branch', 'taken'), 2, /branch .*taken.* exists.*another/],
    [add('bob', '--repo', repo, '--branch', '--force'), 2, /branch/],
    [add('bob', '--repo', repo, '--base', 'no-such-commit'), 2, /base .*no-such-commit/],
    [add('bob', '--repo', repo, '--program', 'clod'), 2, /program .*clod/],
    [add('bob', '--repo', repo, '--program', 'command'), 2, /argv .*give the command after --/],
    [add('../bob', '--repo', repo), 2, /name .*\.\.\/bob.*use 1 to 48/],
    [add(`#(touch ${canary})`, '--repo', repo), 2, /name .*is not a name/],
    [add('x'.repeat(4096), '--repo', repo), 2, /name .*is not a name/],
    [add('🦀', '--repo', repo), 2, /name .*is not a name/],
    [add('ada', '--repo', repo), 6, /agent ada exists.*another name/],
    [['agent', 'show', 'nobody'], 5, /no agent .*nobody/],
    [['task', 'add', '--file', big], 2, /prompt has 5242880 bytes, the limit is 1048576/],
    [['task', 'add', ''], 2, /prompt .*empty/],
    [['task', 'add', 'true', '--priority', 'urgent'], 2, /priority.*(critical|urgent)/],
    [['task', 'add', 'true', '--after', 't999'], 2, /after .*t999/],
    [['task', 'add', 'true', '--after', failed.id], 2, new RegExp(`after .*${failed.id}.*failed`)],
    [['task', 'add', 'true', '--timeout', 'soon'], 2, /soon/],
    [['task', 'show', 't999'], 5, /no task t999/],
    [['task', 'retry', 't999'], 5, /no task t999/],
    [['task', 'frob'], 2, /unknown command/],
    [
      [
        'task',
        'add',
        '--batch',
        batch(
          'cycle',
          '{"prompt":"a","ref":"a","after":["b"]}',
          '{"prompt":"b","ref":"b","after":["a"]}',
        ),
      ],
      2,
      /cycle/,
    ],
    [
      [
        'task',
        'add',
        '--batch',
        batch('bad', '{"prompt":"a"}', '{"prompt":"b","priorty":"low"}', '{"prompt":"c"}'),
      ],
      2,
      /line 2.*priorty.*priority/,
    ],
    [
      ['task', 'add', '--batch', batch('torn', '{"prompt":"a"}', '{"prompt":')],
      2,
      /line 2.* is not JSON; write /,
    ],
    [['start'], 6, /runs/],
  ]
  for (const [args, exitCode, says] of cases) {
    const name = args.join(' ').slice(0, 100)
    const answer = await squad.run(...args)
    t.equal(answer.exitCode, exitCode, name)
    t.match(answer.stderr, says, name)
    t.notMatch(answer.stderr, /at .*\.ts:\d+/, 'no stack trace')
  }
  t.same(
    {
      agents: await squad.json('agent', 'list'),
      tasks: await squad.json('task', 'list'),
      branches: squad.git('branch', '--list'),
    },
    before,
    'nothing was left behind',
  )
  t.notOk(readdirSync(dir).includes('canary'), 'nothing was executed')
})

t.test('a place where squadd cannot work is refused with the way out', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const tools = join(squad.dir, 'tools')
  mkdirSync(tools)
  const only = (...names: string[]) => {
    const path = join(squad.dir, `path-${names.join('-')}`)
    mkdirSync(path)
    for (const name of names) symlinkSync(execaSync('which', [name]).stdout, join(path, name))
    return path
  }
  const startWith = (env: Record<string, string>) =>
    squad.runWith({ SQUADD_HOME: squad.home, ...env }, 'start')
  t.match(await startWith({ PATH: only('git') }), {
    exitCode: 78,
    stderr: /tmux cannot be run.*install tmux/,
  })
  t.match(await startWith({ PATH: only('tmux') }), {
    exitCode: 78,
    stderr: /git cannot be run.*install git/,
  })
  const blocked = join(squad.dir, 'a-file')
  writeFileSync(blocked, '')
  t.match(await startWith({ SQUADD_HOME: join(blocked, 'home') }), {
    exitCode: 78,
    stderr: /a-file/,
  })
  const far = join(squad.dir, 'x'.repeat(100))
  t.match(await startWith({ SQUADD_HOME: far }), {
    exitCode: 78,
    stderr: /limit is 107.*shorter --home/,
  })
  t.match(await squad.run('status'), { exitCode: 3, stderr: /squadd start/ })
})
