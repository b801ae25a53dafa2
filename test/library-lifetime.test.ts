import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Test } from 'tap'
import t from 'tap'
import type { TaskInput } from 'squadd'
import { AgentOrchestrator, Instance, ManagedAgent } from 'squadd'
import { nextEvent, orchestratorFor, scratchFor } from './support/library.ts'
import { ended } from './support/process.ts'

t.setTimeout(600_000)

const shuttingDown = { code: 'SQUADD_SHUTTING_DOWN' }
const flags = ['--conditions=squadd-source', '--disable-warning=ExperimentalWarning']

function folderFor(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'squadd-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('fifty calls of each kind at the same time do no harm', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t, { maxConcurrentTasks: 3 })
  const names = ['a', 'b', 'c', 'd', 'a', 'b']
  const adding = names.map((id) =>
    orchestrator.addAgent({ id, repo: path }).then(
      () => 'added',
      (error: { code: string }) => error.code,
    ),
  )
  const calls = Array.from({ length: 50 }, (_, i) => {
    const handle = orchestrator.distributeTask({ prompt: `echo ${i}` })
    const { totalAgents, activeTasks } = orchestrator.getMetrics()
    t.ok(totalAgents <= 4 && activeTasks <= 3)
    return handle
  })
  t.same((await Promise.all(adding)).sort(), [
    ...['SQUADD_CONFLICT', 'SQUADD_CONFLICT'],
    ...['added', 'added', 'added', 'added'],
  ])
  const handles = await Promise.all(calls)
  t.equal(new Set(handles.map(({ id }) => id)).size, 50)
  const changes = await Promise.allSettled(
    handles.map((_, i) =>
      i % 2 === 0 ? orchestrator.pauseAgent('a') : orchestrator.resumeAgent('a'),
    ),
  )
  for (const change of changes)
    if (change.status === 'rejected') t.match(change.reason, { code: 'SQUADD_CONFLICT' })
  await orchestrator.resumeAgent('a')
  const results = await Promise.all(handles.map((handle) => handle.result))
  t.same(
    results.map(({ output }) => output),
    results.map((_, i) => `${i}\n`),
  )
  t.match(orchestrator.getMetrics(), {
    totalAgents: 4,
    activeTasks: 0,
    queuedTasks: 0,
    totalTasksDistributed: 50,
    totalTasksCompleted: 50,
    totalTasksFailed: 0,
  })
  const sum = orchestrator.listAgents().map((agent) => agent.stats().tasksCompleted)
  t.equal(
    sum.reduce((a, b) => a + b),
    50,
  )
})

t.test('with a home, agents and tasks are there again for the next orchestrator', async (t) => {
  const { path, waitAtGate, openGate } = scratchFor(t)
  const home = join(folderFor(t), 'home')
  const first = orchestratorFor(t, { home })
  const events = first.events()
  const ada = await first.addAgent({ id: 'ada', repo: path, labels: ['fast'] })
  t.match(await ada.executeTask({ prompt: 'echo kept > kept.txt' }), { success: true })
  const guest = new ManagedAgent('guest', await Instance.start({ title: 'guest', path }))
  await first.addAgent(guest)
  await first.pauseAgent('guest')
  const running = await first.distributeTask({ prompt: `${waitAtGate}; cat kept.txt` })
  const waiting = await first.distributeTask({ prompt: 'echo second', require: ['fast'] })
  await nextEvent(events, 'TaskStarted')
  const { result } = running

  const taken = {
    code: 'SQUADD_ALREADY_RUNNING',
    message: /home, shut it down|choose another home/,
  }
  t.throws(() => new AgentOrchestrator({ home }), taken)
  const script = `import { AgentOrchestrator } from 'squadd'; new AgentOrchestrator({ home: process.argv[1] })`
  const other = await execa(
    process.execPath,
    [...flags, '--input-type=module', '-e', script, home],
    { reject: false, cwd: import.meta.dirname },
  )
  t.match(other, { exitCode: 1, stderr: /SQUADD_ALREADY_RUNNING/ }, 'nor from another process')

  const report = await first.shutdown(0)
  t.match(report, {
    unstopped: [{ name: 'agent ada', error: /t2 had not ended after 0 ms/ }],
    rescued: [],
  })
  await t.rejects(result, { ...shuttingDown, message: /task t2 has not ended.*same home/ })

  const second = orchestratorFor(t, { home })
  t.same(
    second.listAgents().map(({ id }) => id),
    ['ada'],
    'what lived in a temporary folder went with it',
  )
  openGate()
  t.match(await second.getTask(running.id).result, { success: true, output: 'kept\n' })
  t.match(await second.getTask(waiting.id).result, { output: 'second\n' })
  t.match(second.getMetrics(), { totalTasksDistributed: 3, totalTasksCompleted: 3 })
  t.equal(second.getAgentStats('ada').tasksCompleted, 3)
  const all = second.events({ since: 0 })
  t.match((await all.next()).value, { seq: 1 }, 'events are kept too')
  const { rescueRef } = await second.removeAgent('ada')
  t.match(rescueRef, /rescue\/ada/)
  t.same(await second.shutdown(), { unstopped: [], rescued: [] })
})

t.test('a store file keeps the tasks and nothing else', async (t) => {
  const { path } = scratchFor(t)
  const store = join(folderFor(t), 'queue.db')
  const first = orchestratorFor(t, { store })
  await first.addAgent({ id: 'ada', repo: path })
  await first.pauseAgent('ada')
  const { id } = await first.distributeTask({ prompt: 'echo later', key: 'once' })
  t.throws(() => new AgentOrchestrator({ store }), { code: 'SQUADD_ALREADY_RUNNING' })
  await first.shutdown()

  const second = orchestratorFor(t, { store })
  t.same(second.listAgents(), [])
  const handle = await second.distributeTask({ prompt: 'echo later', key: 'once' })
  t.equal(handle.id, id, 'the same key is the same task')
  await second.addAgent({ id: 'ada', repo: path })
  t.match(await handle.result, { output: 'later\n' })
})

t.test('shutdown lets tasks finish, keeps work, and refuses every call after it', async (t) => {
  const { path, git, waitAtGate, openGate } = scratchFor(t)
  const orchestrator = orchestratorFor(t)
  const events = orchestrator.events()
  for (const id of ['ada', 'bob', 'cid']) await orchestrator.addAgent({ id, repo: path })
  const on = (id: string, prompt: string): TaskInput => ({
    prompt,
    affinity: [id],
    affinityMode: 'required',
  })
  const commit = 'git -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m work'
  const running = await orchestrator.distributeTask(on('ada', `${waitAtGate}; ${commit}`))
  await (
    await orchestrator.distributeTask(on('bob', 'echo unsaved > notes.txt'))
  ).result
  const cid = orchestrator.getAgent('cid')
  const scratchHome = join(cid.instance.attach()[2]!, '../..')
  t.teardown(() => rmSync(scratchHome, { recursive: true }))
  git('worktree', 'lock', join(scratchHome, 'worktrees/cid'))
  const queued = await orchestrator.distributeTask(on('ada', 'true'))
  await nextEvent(events, 'TaskCompleted')
  const ending = orchestrator.shutdown(60_000)
  await t.rejects(orchestrator.distributeTask({ prompt: 'true' }), shuttingDown)
  t.ok(orchestrator.getMetrics().totalAgents > 0, 'one may still look')
  openGate()
  const report = await ending
  t.match(await running.result, { success: true }, 'what ran was finished')
  await t.rejects(queued.result, shuttingDown)
  t.match(report.unstopped, [{ name: 'agent cid', error: /locked/ }], 'no error is hidden')
  t.match(report.rescued, [{ agent: 'bob', ref: /rescue\/bob/ }])
  t.equal(git('show', `${report.rescued[0]!.ref}:notes.txt`), 'unsaved')
  t.same(
    git('branch', '--format=%(refname:short)', '--list', 'squadd/*').split('\n'),
    ['squadd/ada', 'squadd/cid'],
    'a branch with commits stays, one without goes',
  )
  t.equal(await orchestrator.shutdown(), report, 'asked again it answers the same')

  const agent = { id: 'dan', repo: path }
  const calls: (() => unknown)[] = [
    () => orchestrator.addAgent(agent),
    () => orchestrator.removeAgent('ada'),
    () => orchestrator.getAgent('ada'),
    () => orchestrator.listAgents(),
    () => orchestrator.distributeTask({ prompt: 'true' }),
    () => orchestrator.getTask(running.id),
    () => orchestrator.listTasks(),
    () => orchestrator.pauseAgent('ada'),
    () => orchestrator.resumeAgent('ada'),
    () => orchestrator.getMetrics(),
    () => orchestrator.getAgentStats('ada'),
    () => orchestrator.events(),
    () => running.task(),
    () => running.cancel(),
    () => running.release(),
    () => cid.setState('paused'),
    () => cid.executeTask({ prompt: 'true' }),
    () => cid.performHealthCheck(),
    () => cid.updateLoadScore(),
    () => cid.stats(),
    () => cid.resume(),
    () => cid.instance.preview(),
    () => cid.instance.diff(),
  ]
  for (const call of calls) await t.rejects(async () => call(), shuttingDown, String(call))
  t.same([cid.state, cid.loadScore, cid.isHealthy()], ['stopped', 1, false])
  await t.rejects(orchestrator.addAgent(new ManagedAgent('x', cid.instance)))
})

t.test('shutdown interrupts what does not finish in time', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t, { stopGraceMs: 200 })
  const events = orchestrator.events()
  await orchestrator.addAgent({ id: 'ada', repo: path })
  const handle = await orchestrator.distributeTask({ prompt: `trap '' TERM; sleep 600` })
  await nextEvent(events, 'TaskStarted')
  const { unstopped } = await orchestrator.shutdown(100)
  t.match(unstopped, [{ name: 'agent ada', error: /t1 had not ended after 100 ms/ }])
  await t.rejects(handle.result, shuttingDown)
})

t.test('nobody has to wait for a handle, an instance or an orchestrator', async (t) => {
  for (const home of [undefined, join(folderFor(t), 'home')]) {
    const { path } = scratchFor(t)
    const folder = folderFor(t)
    const fixture = join(import.meta.dirname, 'fixtures/dropped.ts')
    const { stdout } = await execa(
      process.execPath,
      [...flags, fixture, folder, path, ...(home === undefined ? [] : [home])],
      { env: { TMPDIR: folder }, timeout: 60_000 },
    )
    const { program, server } = JSON.parse(stdout) as { program: number; server: number }
    await ended(server)
    if (home === undefined) {
      await ended(program)
      t.notOk(existsSync(`/proc/${program}`), 'what nobody could find again has ended')
      continue
    }
    t.ok(existsSync(`/proc/${program}`), 'with a home the program runs on')
    const next = orchestratorFor(t, { home })
    const events = next.events()
    await nextEvent(events, 'AgentStateChanged', 'running')
    t.match(next.getTask('t1').task(), { state: 'running', attempt: 1 }, 'and is found again')
    await next.getTask('t1').cancel()
    t.match(await next.getTask('t1').result, { success: false })
    t.notOk(existsSync(`/proc/${program}`))
    await next.removeAgent('ada')
  }
})
