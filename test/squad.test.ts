import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa, execaSync } from 'execa'
import t from 'tap'
import type { AgentView } from '../src/supervisor/domain/agent.ts'
import { Field, gate } from './support/field.ts'
import { Squadd } from './support/squadd.ts'

t.setTimeout(600_000)

const view = (field: Field, id: string) =>
  field.client.call('agents.show', { id }) as Promise<AgentView>

const isTmux = (one: string) => /^process \d+ tmux /.test(one)

t.test('a person pauses, resumes, releases, stops and removes an agent', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open(['ada'])
  const { client, squad } = field

  const first = gate(field, 'first')
  const task = await field.add({ prompt: first.prompt })
  await field.pidOf('first')
  t.match(await client.call('agents.pause', { id: 'ada' }), { state: 'running' })
  const next = await field.add({ prompt: 'echo next' })
  first.open()
  t.match(await field.wait(task.id), { state: 'completed' }, 'pausing finishes the running task')
  const paused = client.events({ since: 0 })
  for await (const event of paused)
    if (event.type === 'AgentStateChanged' && event.data['to'] === 'paused') break
  t.match(await client.call('tasks.show', { id: next.id }), { state: 'ready' }, 'and takes no more')
  await client.call('agents.resume', { id: 'ada' })
  t.match(await field.wait(next.id), { state: 'completed', result: { output: 'next\n' } })

  const second = gate(field, 'second')
  const interrupted = await field.add({ prompt: second.prompt })
  const pid = await field.pidOf('second')
  t.match(await client.call('agents.pause', { id: 'ada', now: true }), { state: 'paused' })
  t.match(
    await client.call('tasks.show', { id: interrupted.id }),
    { state: 'ready', attempt: 0, outcome: 'preempted' },
    'pausing now gives the task back, uncounted',
  )
  t.throws(() => process.kill(pid, 0), 'and its program is gone')
  await client.call('tasks.cancel', { id: interrupted.id })

  await client.call('agents.resume', { id: 'ada' })
  const { worktree, branch } = await view(field, 'ada')
  writeFileSync(join(worktree, 'notes.txt'), 'unsaved\n')
  t.match(await client.call('agents.pause', { id: 'ada', release: true }), {
    state: 'paused',
    reason: 'released',
    hostPid: null,
  })
  t.notOk(existsSync(worktree), 'released: the worktree is gone')
  t.equal(squad.git('show', `${branch}:notes.txt`), 'unsaved', 'its work is on the branch')
  await client.call('agents.resume', { id: 'ada' })
  t.equal(readFileSync(join(worktree, 'notes.txt'), 'utf8'), 'unsaved\n', 'and comes back')

  t.match(await client.call('agents.stop', { id: 'ada' }), { state: 'stopped', hostPid: null })
  t.match(await client.call('agents.restart', { id: 'ada' }), { state: 'idle' })
  const last = await field.add({ prompt: 'pwd; cat notes.txt' })
  t.match(await field.wait(last.id), { result: { output: `${worktree}\nunsaved\n` } })

  writeFileSync(join(worktree, 'more.txt'), 'never committed\n')
  const { rescueRef } = (await client.call('agents.remove', { id: 'ada' })) as {
    rescueRef: string | null
  }
  t.match(rescueRef, /^refs\/squadd\/rescue\/ada\//)
  t.equal(squad.git('show', `${rescueRef}:more.txt`), 'never committed', 'nothing unsaved is lost')
  t.same(await client.call('agents.list', {}), [])
  const left = squad.leftovers().filter((one) => !/ (squadd|agents)\.sock$/.test(one))
  t.same(
    left.filter((one) => !one.includes('start --foreground')),
    [],
    'no process, socket or worktree of the agent is left',
  )
})

t.test('cancel, timeout and retries end a task as it was', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open(['ada'])
  const { client } = field

  const waiting = gate(field, 'waiting')
  const running = await field.add({ prompt: waiting.prompt })
  const pid = await field.pidOf('waiting')
  await client.call('tasks.cancel', { id: running.id })
  t.match(await field.wait(running.id), { state: 'cancelled', outcome: 'cancelled' })
  t.throws(() => process.kill(pid, 0), 'the program of a cancelled task is ended')

  const slow = await field.add({ prompt: "trap '' TERM; sleep 600", timeoutMs: 300 })
  const parent = await field.add({ prompt: 'exit 7', retries: 1 })
  const child = await field.add({ prompt: 'echo never', after: [parent.id] })
  t.match(await field.wait(slow.id), { state: 'failed', outcome: 'timed_out', cause: 'timed_out' })
  t.match(await field.wait(parent.id), {
    state: 'failed',
    attempt: 2,
    cause: 'agent_error',
    result: { success: false, error: /exit status 7/ },
  })
  t.match(await field.wait(child.id), { state: 'cancelled', reason: new RegExp(parent.id) })

  const verified = await field.add({ prompt: 'touch made', verify: ['test', '-e', 'made'] })
  t.match(await field.wait(verified.id), { state: 'completed', result: { git: { dirty: true } } })
  const refuted = await field.add({ prompt: 'true', verify: ['test', '-e', 'not-made'] })
  t.match(await field.wait(refuted.id), { state: 'failed', result: { error: /verify/ } })

  const same = await Promise.all([1, 2].map(() => field.add({ prompt: 'echo once', key: 'k' })))
  t.equal(same[0]!.id, same[1]!.id, 'an idempotency key stores one task')
})

t.test('the live pane can be attached to, and detaching leaves it alone', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open(['ada'])
  const shown = gate(field, 'shown')
  const task = await field.add({ prompt: `echo hello from ada; ${shown.prompt}` })
  await field.pidOf('shown')

  const outer = ['-S', join(field.squad.dir, 'outer.sock'), '-f', '/dev/null']
  const bin = join(import.meta.dirname, '../bin/squadd.js')
  // Its terminal outlives it: tmux does not always tell how a pane's program ended.
  const shell = ['sh', '-c', '"$@"; echo "left with $?"; exec sleep 1000', 'sh']
  const command = [process.execPath, bin, '--home', field.squad.home, 'agent', 'attach', 'ada']
  const attach = [...shell, ...command]
  const { TMUX: _tmux, ...env } = process.env
  await execa('tmux', [...outer, 'new-session', '-d', '-x', '100', '-y', '30', ...attach], {
    env,
    extendEnv: false,
  })
  t.teardown(() => execaSync('tmux', [...outer, 'kill-server'], { reject: false }))
  const ask = async (...command: string[]) => (await execa('tmux', [...outer, ...command])).stdout
  const until = async (command: string[], says: RegExp) => {
    let text = await ask(...command)
    for (let tries = 0; tries < 2000 && !says.test(text); tries++) text = await ask(...command)
    return text
  }
  const shows = /hello from ada/
  t.match(await until(['capture-pane', '-p'], shows), shows, 'attach shows what it prints')
  await execa('tmux', [...outer, 'send-keys', 'C-b', 'd'])
  const left = /left with \d+/
  t.match(await until(['capture-pane', '-p'], left), 'left with 0', 'Ctrl-b d leaves it')

  t.match(await field.client.call('tasks.show', { id: task.id }), { state: 'running' })
  shown.open()
  t.match(await field.wait(task.id), { state: 'completed', result: { output: /hello from ada/ } })
})

t.test('a stop right after the start ends agents that were not up yet', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  await field.open(names)
  await field.squad.json('stop')
  t.not(field.squad.leftovers().filter(isTmux).length, 0, 'they live on in tmux')
  await field.squad.json('start')
  t.match(await field.squad.json('agent', 'pause', 'h'), { state: /starting|paused/ })
  t.match(await field.squad.run('stop', '--stop-agents'), { exitCode: 0 })
  t.same(field.squad.leftovers().filter(isTmux), [])
})

t.test('ten starters at once: one wins, nine say that it runs', async (t) => {
  const squad = new Squadd()
  t.teardown(() => squad.remove())
  const codes = (await Promise.all(Array.from({ length: 10 }, () => squad.run('start')))).map(
    (answer) => answer.exitCode,
  )
  t.same(codes.filter((code) => code === 0).length, 1)
  t.same(codes.filter((code) => code === 6).length, 9)
  rmSync(join(squad.home, 'run', 'squadd.sock'))
  writeFileSync(join(squad.home, 'run', 'squadd.sock'), '')
  t.match(await squad.run('start'), { exitCode: 6 }, 'the lock decides, not the socket')
  rmSync(join(squad.home, 'run', 'squadd.sock'))
  process.kill(JSON.parse(readFileSync(join(squad.home, 'daemon.pid'), 'utf8')).pid, 'SIGKILL')
  t.match(await squad.run('start'), { exitCode: 0 })
})
