import { chmodSync, openSync, readFileSync, readdirSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { execaSync } from 'execa'
import t from 'tap'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { ask } from '../support/api.ts'
import { canaries } from '../support/canaries.ts'
import { Squadd } from '../support/squadd.ts'
import { whenIn } from '../support/watching.ts'

t.setTimeout(600_000)

const planted = canaries(`${process.pid}/${Date.now()}`)
const all = planted.map((one) => one.text).join('\n')

/** The forms whose secret stands in a text. */
const leaks = (sink: string): string[] =>
  planted.filter(({ secret }) => sink.includes(secret)).map(({ form }) => form)

const get = async (socketPath: string, path: string): Promise<string> =>
  (await ask({ socketPath }, 'GET', path)).text

/** The arguments, and for our own processes the environments, of everything that runs. */
function processes(file: 'cmdline' | 'environ', isMeant: (cmdline: string) => boolean): string {
  const read = (pid: string, name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8')
    } catch {
      return ''
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isMeant(read(name, 'cmdline')))
    .map((pid) => read(pid, file))
    .join('\n')
}

t.test('secrets that go in everywhere come out nowhere', async (t) => {
  const [token, key] = [planted[0]!, planted[1]!]
  const squad = new Squadd({ ANTHROPIC_API_KEY: token.text, CI_SETTING: key.text })
  t.teardown(() => squad.remove())
  const { dir, repo, home } = squad
  await squad.json('start')
  await squad.json('agent', 'add', 'ada', '--repo', repo, '--env', 'CI_SETTING')
  writeFileSync(join(dir, 'secrets'), all)
  const go = join(dir, 'go')
  execaSync('mkfifo', [go])
  // Says it on the screen, in its output, in what it reports, and waits to be looked at.
  const program = join(dir, 'leaky')
  writeFileSync(
    program,
    `#!/bin/sh
cat '${join(dir, 'secrets')}'; printf '%s\\n' "$CI_SETTING"; cat '${join(dir, 'secrets')}' >&2
printf '\\033]2;%s\\007' "$CI_SETTING"
printf '{"cause":"agent_error","reason":%s}' '${JSON.stringify(all).replaceAll("'", `'\\''`)}' >"$SQUADD_REPORT"
cp "$SQUADD_REPORT" '${join(dir, 'reported')}'
: >'${join(dir, 'shown')}'; read -r _ <'${go}'
exit 1
`,
  )
  chmodSync(program, 0o755)
  const prompt = join(dir, 'prompt')
  writeFileSync(prompt, `${program}; exit 1\n: ${all.replaceAll("'", '')}\n`)
  const task = await squad.json<Task>('task', 'add', '--file', prompt, '--retries', '0')
  await whenIn(dir, () => readdirSync(dir).includes('shown'))

  t.equal(leaks(processes('cmdline', () => true)).join(), '', 'argv of every process')
  const [agent] = await squad.json<AgentView[]>('agent', 'list')
  const tmux = (...args: string[]) => execaSync('tmux', ['-S', agent!.tmuxSocket, ...args]).stdout
  t.match(tmux('show-environment', '-g'), /^PATH=/m)
  t.equal(leaks(tmux('show-environment', '-g')).join(), '', 'the environment of tmux')
  const isOurs = (cmdline: string) => /squadd-host|tmux\0-u/.test(cmdline)
  t.match(processes('environ', isOurs), /PATH=/)
  t.equal(leaks(processes('environ', isOurs)).join(), '', 'the environment of hosts and tmux')
  t.equal(leaks((await squad.run('agent', 'screen', 'ada')).stdout).join(), '', 'the screen')
  writeSync(openSync(go, 'r+'), 'go\n')
  await squad.run('task', 'wait', task.id)

  const commands = [
    ...['status', 'agent list', 'agent show ada', 'agent screen ada', 'agent diff ada'],
    ...['task list', `task show ${task.id}`, `task output ${task.id}`, `task diff ${task.id}`],
    ...['explain ada', `explain ${task.id}`, 'events', 'metrics', 'config show', 'doctor'],
  ]
  for (const command of commands)
    for (const words of [command.split(' '), [...command.split(' '), '--json']]) {
      const { stdout, stderr } = await squad.run(...words)
      t.equal(leaks(stdout + stderr).join(), '', `squadd ${words.join(' ')}`)
    }
  const socket = join(home, 'run/squadd.sock')
  const paths = ['/v1/status', '/v1/agents', '/v1/agents/ada', '/v1/agents/ada/screen', '/v1/tasks']
  paths.push(`/v1/tasks/${task.id}`, `/v1/tasks/${task.id}/explain`, '/v1/agents/ada/explain')
  paths.push('/v1/events?since=0&follow=false', '/metrics')
  for (const path of paths) t.equal(leaks(await get(socket, path)).join(), '', path)
  for (const { form, text: given } of planted) {
    const refused = await squad.run('task', 'add', 'x', '--after', given)
    t.equal(leaks(refused.stdout + refused.stderr).join(), '', `an error that quotes ${form}`)
    const path = `/v1/tasks/${encodeURIComponent(given)}`
    t.equal(leaks(await get(socket, path)).join(), '', `an address that holds ${form}`)
  }
  const store = new DatabaseSync(join(home, 'squadd.db'), { readOnly: true })
  const rows = store.prepare('select * from event').all()
  store.close()
  t.ok(rows.length > 3)
  t.equal(leaks(JSON.stringify(rows)).join(), '', 'the table of events')
  const logs = readdirSync(home).filter((name) => name.includes('.log'))
  t.ok(logs.length > 0)
  for (const name of logs) t.equal(leaks(readFileSync(join(home, name), 'utf8')).join(), '', name)

  const whole = await squad.run('task', 'output', task.id, '--raw')
  t.equal(leaks(whole.stdout).length, planted.length, 'the output itself is whole')
  t.equal(leaks(readFileSync(join(dir, 'reported'), 'utf8')).length, planted.length, 'and said')
  const shown = await squad.json<Task>('task', 'show', task.id)
  t.match(shown, { state: 'failed', prompt: /\[redacted\]/, result: { output: /\[redacted\]/ } })
})
