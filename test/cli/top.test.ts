import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { scratch } from '../support/api.ts'
import { servedHome } from '../support/cli.ts'
import { Terminal } from '../support/terminal.ts'

const repo = '/repo'

t.test('it shows what happens, obeys keys, and leaves the terminal as it was', async (t) => {
  const { cli, squad } = await servedHome(t)
  for (const id of ['ada', 'bob']) await squad.addAgent({ id, repo })
  const terminal = new Terminal(t, cli.home, ['top'])
  await terminal.shows(/^> ada +idle/m)
  t.equal(terminal.ask('alternate_on'), '1')

  await squad.addAgent({ id: 'cid', repo })
  await terminal.shows(/^ {2}cid +idle/m)
  terminal.press('Down', 'p')
  await terminal.shows(/^> bob +paused/m)
  terminal.press('p')
  await terminal.shows(/^> bob +idle/m)

  terminal.press('c')
  await terminal.shows(/bob has no task/)
  await squad.submit([{ prompt: 'Write\u001b]0;owned\u0007 it' }])
  Object.assign(squad.task('t1'), { state: 'running', agent: 'bob' })
  Object.assign(squad.agentView('bob'), { state: 'running', currentTask: 't1' })
  squad.emit({ type: 'TaskStarted', taskId: 't1', agentId: 'bob' })
  await terminal.shows(/^> bob +running .* t1 .* Write it/m)
  terminal.press('c')
  await terminal.shows(/cancel t1 of bob\? y\/n/)
  terminal.press('n')
  await terminal.shows(/q quit/)
  t.equal(squad.task('t1').state, 'running')
  terminal.press('c', 'y')
  await terminal.shows(/1 cancelled/)

  terminal.resize(120, 40)
  const wide = await terminal.shows(/PROGRAM/)
  t.equal(wide.split('\n').length, 41)
  terminal.press('q')
  await terminal.shows(/\[exit 0\]/)
  t.equal(terminal.ask('alternate_on'), '0')
  t.equal(terminal.ask('cursor_flag'), '1')
})

t.test('an agent is looked at and left again', async (t) => {
  const { cli, squad } = await servedHome(t)
  const socket = join(scratch(t), 'agent.sock')
  const tmux = (...args: string[]) =>
    String(execFileSync('tmux', ['-f', '/dev/null', '-S', socket, ...args])).trim()
  tmux('new-session', '-d', '-s', 'sq', 'echo "here is the agent"; exec cat')
  t.teardown(() => spawnSync('tmux', ['-S', socket, 'kill-server']))
  await squad.addAgent({ id: 'ada', repo })
  squad.agentView('ada').tmuxSocket = socket
  const terminal = new Terminal(t, cli.home, ['top'])
  for (const [key, readOnly] of [
    ['a', '1'],
    ['Enter', '1'],
    ['w', '0'],
  ] as const) {
    await terminal.shows(/^> ada +idle/m)
    terminal.press(key)
    await terminal.shows(/here is the agent/)
    t.equal(tmux('list-clients', '-F', '#{client_readonly}'), readOnly, key)
    terminal.press('C-b', 'd')
  }
  await terminal.shows(/^> ada +idle/m)
  tmux('kill-session')
  terminal.press('a')
  await terminal.shows(/tmux did not attach; ada is idle/)
  terminal.press('C-c')
  await terminal.shows(/\[exit 0\]/)
})

t.test('when the daemon goes away it waits, and says so', async (t) => {
  const { cli, squad, server } = await servedHome(t)
  await squad.addAgent({ id: 'ada', repo })
  Object.assign(squad.agentView('ada'), { state: 'running', currentTask: null })
  const terminal = new Terminal(t, cli.home, ['top'])
  await terminal.shows(/^> ada +running/m)
  await squad.readers(1)
  await server.close()
  await terminal.shows(/the daemon does not answer; waiting for it/)
  terminal.press('p')
  const screen = await terminal.shows(/no daemon answers|went away/)
  t.match(screen, /^> ada +running/m, 'what was known stays')
  terminal.press('q')
  await terminal.shows(/\[exit 0\]/)
})

t.test('without a terminal it is a snapshot, for programs JSON', async (t) => {
  const { cli, squad } = await servedHome(t)
  await squad.addAgent({ id: 'ada', repo })
  const { code, stdout } = await cli.run(['top'])
  t.equal(code, 0)
  t.match(stdout, /^squadd \d+\.\d+\.\d+ .*\nagents 1 {2}1 idle\n[^]*\n +ada +idle .*\n$/)
  // oxlint-disable-next-line no-control-regex -- this is what must not be there
  t.notMatch(stdout, /\u001b/)
  t.match(await cli.json('top'), {
    status: { agents: { total: 1 } },
    agents: [{ id: 'ada' }],
    tasks: [],
  })
})
