import { deepStrictEqual, partialDeepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import type { Priority, SquadEvent, TaskInput } from 'squadd'
import { AgentOrchestrator, CircuitBreaker, createTask, Instance, ManagedAgent } from 'squadd'
import { nextEvent, orchestratorFor, scratchFor } from './support/library.ts'

t.setTimeout(600_000)

t.test('the sketch of the README works, as often as one likes', async (t) => {
  const { path, git } = scratchFor(t)
  for (const titles of [['ada', 'bob', 'cid'], ['ada']]) {
    const orchestrator = orchestratorFor(t, { maxConcurrentTasks: 3 })
    for (const title of titles) {
      const instance = await Instance.start({ title, path, program: 'shell' })
      await orchestrator.addAgent(new ManagedAgent(title, instance))
    }
    t.same(
      orchestrator.listAgents().map(({ id, state }) => `${id} ${state}`),
      titles.map((title) => `${title} idle`),
    )
    const handle = await orchestrator.distributeTask({ prompt: 'echo hello', priority: 'high' })
    t.match(await handle.result, { success: true, output: 'hello\n', error: null })
    t.match(handle.task(), { state: 'completed', attempt: 1 })
    t.same(await orchestrator.shutdown(10_000), { unstopped: [], rescued: [] })
  }
  t.equal(git('worktree', 'list').split('\n').length, 1, 'no worktree is left')
  t.equal(git('for-each-ref', '--format=%(refname:short)'), git('branch', '--show-current'))
})

t.test('an instance alone takes prompts, one at a time', async (t) => {
  const { path, git, waitAtGate } = scratchFor(t)
  const instance = await Instance.start({ title: 'solo', path })
  const running = instance.sendPrompt('echo one; echo two > two.txt')
  await t.rejects(instance.sendPrompt('echo too early'), { code: 'SQUADD_CONFLICT' })
  t.match(await running, { success: true, output: 'one\n', git: { filesChanged: 1, dirty: true } })
  t.match(await instance.diff(), /two\.txt/)
  t.match(instance.attach(), ['tmux', '-S', /\.sock$/, 'attach-session', '-t', '=sq', '-r'])
  t.notOk(instance.attach({ write: true }).includes('-r'))
  t.match(await instance.preview(), /\S/)
  const late = await instance.sendPrompt('sleep 60', { timeoutMs: 200 })
  t.match(late, { success: false, error: /time|timed/i })
  t.match(await instance.sendPrompt('exit 3'), { success: false, error: 'exit status 3' })
  await t.rejects(instance.sendPrompt('true', { require: ['gpu'] } as object), {
    code: 'SQUADD_INVALID',
    message: /require .*timeoutMs/,
  })

  const cancelled = instance.sendPrompt(waitAtGate)
  const rescueRef = await instance.kill()
  t.match(await cancelled, { success: false }, 'a prompt under way ends as cancelled')
  t.equal(git('show', `${rescueRef}:two.txt`), 'two', 'unsaved work is kept')
  t.equal(await instance.kill(), rescueRef, 'a second kill answers the same')
  await t.rejects(instance.sendPrompt('true'), { code: 'SQUADD_CONFLICT', message: /stopped/ })
  await t.rejects(instance.preview(), { code: 'SQUADD_SHUTTING_DOWN', message: /instance solo/ })
})

t.test('a managed agent works alone, then for the orchestrator it is added to', async (t) => {
  const { path } = scratchFor(t)
  const instance = await Instance.start({ title: 'own', path })
  const agent = new ManagedAgent('ada', instance)
  t.match(await agent.executeTask({ prompt: 'echo alone' }), { output: 'alone\n' })
  await agent.pause()
  t.equal(agent.state, 'paused')
  await t.rejects(instance.sendPrompt('true'), { code: 'SQUADD_CONFLICT' })
  const orchestrator = orchestratorFor(t)
  await t.rejects(orchestrator.addAgent(agent), { code: 'SQUADD_CONFLICT' }, 'not while paused')
  await agent.stop()
  t.match([agent.state, agent.isHealthy()], ['stopped', false])
  await agent.resume()
  const running = agent.executeTask({ prompt: 'echo busy' })
  await t.rejects(orchestrator.addAgent(agent), { code: 'SQUADD_CONFLICT' }, 'not while busy')
  await running

  t.equal(await orchestrator.addAgent(agent), agent)
  t.equal(orchestrator.getAgent('ada'), agent)
  t.match(await agent.executeTask({ prompt: 'pwd', affinity: ['bob'] }), { output: /\/own\n$/ })
  const conflict = { code: 'SQUADD_CONFLICT', message: /works for an orchestrator/ }
  await t.rejects(instance.sendPrompt('true'), conflict)
  await t.rejects(instance.kill(), conflict)
  await t.rejects(orchestrator.addAgent(new ManagedAgent('bob', instance)), conflict)
  t.match(await instance.preview(), /\S/, 'its screen can still be seen')
  t.equal(orchestrator.getMetrics().totalTasksCompleted, 1)
  t.same(await orchestrator.removeAgent('ada'), { rescueRef: null })
  t.equal(await instance.kill(), null, 'what was removed is gone already')
  t.throws(() => agent.stats(), { code: 'SQUADD_NOT_FOUND' })
})

t.test('a person may ask an agent for the states that a person may ask for', async (t) => {
  const { path, waitAtGate, openGate } = scratchFor(t)
  const orchestrator = orchestratorFor(t)
  const agent = await orchestrator.addAgent({ id: 'ada', repo: path })
  await agent.setState('idle')
  for (const state of ['paused', 'idle', 'stopped', 'idle'] as const) {
    await agent.setState(state)
    t.equal(agent.state, state)
  }
  await t.rejects(agent.setState('failed'), {
    code: 'SQUADD_CONFLICT',
    message: 'agent ada is idle, not to be failed; possible now: paused, stopped',
  })
  await t.rejects(agent.setState('asleep' as never), { code: 'SQUADD_INVALID' })

  const events = orchestrator.events()
  const handle = await orchestrator.distributeTask({ prompt: waitAtGate })
  await nextEvent(events, 'AgentStateChanged', 'running')
  t.equal(agent.state, 'running')
  t.ok(agent.loadScore >= 0.5)
  await t.rejects(agent.setState('idle'), { code: 'SQUADD_CONFLICT', message: /is running/ })
  t.type(await agent.updateLoadScore(), 'number')
  await agent.setState('paused')
  t.equal(agent.state, 'running', 'it finishes what it has')
  openGate()
  t.match(await handle.result, { success: true })
  await nextEvent(events, 'AgentStateChanged', 'paused')
  t.equal(agent.loadScore, 1, 'paused it is not to be loaded')
  await t.rejects(Promise.all([agent.stop(), agent.resume()]), { code: 'SQUADD_CONFLICT' })
})

t.test('health checks are noted, and a failed one is told', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t, { healthCheckIntervalMs: 100 })
  const events = orchestrator.events()
  const agent = await orchestrator.addAgent({ id: 'ada', repo: path })
  t.equal(agent.isHealthy(), true, 'it is usable before its first check')
  await agent.performHealthCheck()
  t.ok(agent.stats().lastHealthCheckAt! >= agent.stats().createdAt)

  const withAgent = { agents: { total: 1 }, tasks: {}, load: { score: Number } }
  const samples: SquadEvent[] = [await nextEvent(events, 'SystemMetrics')]
  // The first sample may have been taken before the agent was there.
  const { agents } = samples[0]!.data as { agents: { total: number } }
  if (agents.total === 0) samples.push(await nextEvent(events, 'SystemMetrics'))
  t.match(samples.at(-1)!.data, withAgent)
  for (let i = 0; i < 3; i++) {
    const task = await orchestrator.distributeTask({ prompt: 'true' })
    await task.result
    samples.push(await nextEvent(events, 'SystemMetrics'))
  }
  for (const [i, { data }] of samples.entries())
    t.notSame(data, samples[i + 1]?.data, 'nothing is said twice')

  const { hostPid } = await orchestrator.pauseAgent('ada')
  process.kill(hostPid!, 'SIGKILL')
  t.match(await nextEvent(events, 'AgentRestarted'), { agentId: 'ada' })
  t.equal(agent.state, 'starting')
  await agent.resume()
  t.match(await nextEvent(events, 'AgentRecovered'), { data: { reason: /SIGKILL/ } })
  process.kill((await orchestrator.pauseAgent('ada')).hostPid!, 'SIGKILL')
  await nextEvent(events, 'AgentRestarted')
  await agent.pause()
  await nextEvent(events, 'AgentStateChanged', 'paused')
  t.equal(agent.state, 'paused', 'one that comes back paused stays paused')

  await agent.stop()
  await t.rejects(agent.performHealthCheck(), { code: 'SQUADD_CONFLICT' })
  t.match(await nextEvent(events, 'HealthCheckFailed'), { data: { reason: /no host/ } })
  t.equal(agent.stats().healthOk, false)
  await agent.resume()
  t.equal(agent.isHealthy(), true)
})

t.test('an agent that fails again and again is given up, and comes back when asked', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t, { restartIntensity: 1 })
  const events = orchestrator.events()
  const agent = await orchestrator.addAgent({ id: 'ada', repo: path })
  for (const next of ['AgentRecovered', 'AgentFailed'] as const) {
    process.kill((await orchestrator.resumeAgent('ada')).hostPid!, 'SIGKILL')
    await nextEvent(events, next)
  }
  t.same([agent.state, agent.isHealthy(), agent.loadScore], ['failed', false, 1])
  t.match(orchestrator.getMetrics(), { failedAgents: 1, idleAgents: 0 })
  await t.rejects(agent.pause(), { code: 'SQUADD_CONFLICT' })
  const handle = await orchestrator.distributeTask({ prompt: 'echo back' })
  await agent.setState('idle')
  await nextEvent(events, 'AgentRecovered')
  t.match(await handle.result, { success: true, output: 'back\n' })
})

t.test('metrics and stats have exactly the fields that are promised', async (t) => {
  const { path, waitAtGate } = scratchFor(t)
  const orchestrator = orchestratorFor(t)
  for (const id of ['ada', 'bob']) await orchestrator.addAgent({ id, repo: path })
  const only: Partial<TaskInput> = { affinity: ['ada'], affinityMode: 'required' }
  for (const prompt of ['true', 'exit 1', 'sleep 0.1'])
    await (
      await orchestrator.distributeTask({ prompt, ...only })
    ).result
  const events = orchestrator.events()
  for (let i = 0; i < 3; i++) await orchestrator.distributeTask({ prompt: waitAtGate, ...only })
  await nextEvent(events, 'AgentStateChanged', 'running')
  const { uptimeMs, ...metrics } = orchestrator.getMetrics()
  t.ok(uptimeMs > 0)
  t.same(metrics, {
    totalAgents: 2,
    activeAgents: 1,
    idleAgents: 1,
    failedAgents: 0,
    activeTasks: 1,
    queuedTasks: 2,
    totalTasksDistributed: 6,
    totalTasksCompleted: 2,
    totalTasksFailed: 1,
    maxConcurrentTasks: 10,
  })
  const stats = orchestrator.getAgentStats('ada')
  t.same(Object.keys(stats).sort(), [
    'avgResponseTimeMs',
    'circuitState',
    'createdAt',
    'healthOk',
    'id',
    'lastHealthCheckAt',
    'loadScore',
    'state',
    'tasksCompleted',
    'tasksFailed',
    'totalExecTimeMs',
    'updatedAt',
  ])
  t.match(stats, { id: 'ada', state: 'running', tasksCompleted: 2, tasksFailed: 1, healthOk: true })
  t.equal(stats.avgResponseTimeMs, stats.totalExecTimeMs / 3)
  t.ok(stats.totalExecTimeMs >= 50)
  t.match(orchestrator.getAgentStats('bob'), { avgResponseTimeMs: 0, circuitState: 'closed' })
  const [queued] = orchestrator.listTasks({ state: 'ready' })
  const handle = orchestrator.getTask(queued!.id)
  await handle.cancel()
  t.match(await handle.result, { success: false, error: /cancelled/ })
  await t.rejects(handle.release(), { code: 'SQUADD_CONFLICT' })
  for (const { id } of orchestrator.listTasks({ state: 'running' }))
    await orchestrator.getTask(id).cancel()
})

t.test('a held task says why, and goes on when it is let', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t)
  await orchestrator.addAgent({ id: 'ada', repo: path })
  const parent = await orchestrator.distributeTask({ prompt: 'exit 1' })
  const child = await orchestrator.distributeTask({
    prompt: 'echo after all',
    after: [parent.id],
    onParentFailure: 'hold',
  })
  t.match(await child.result, { success: false, error: new RegExp(parent.id) })
  t.equal(child.task().state, 'held')
  await child.release()
  t.match(await child.result, { success: true, output: 'after all\n' })
  await t.rejects(child.cancel(), { code: 'SQUADD_CONFLICT' })
})

t.test('wrong input is refused: the error names it and says what to do', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t, { taskQueueSize: 2 })
  await orchestrator.addAgent({ id: 'ada', repo: path })
  await orchestrator.pauseAgent('ada')
  const wrong: [code: string, message: RegExp, call: () => unknown][] = [
    ['BAD_CONFIG', /maxConcurent is .* mean maxConcurrentTasks/, () => made({ maxConcurent: 1 })],
    ['BAD_CONFIG', /hom is .* mean home/, () => made({ hom: '/tmp' })],
    ['BAD_CONFIG', /maxConcurrentTasks 0 .* 1 to/, () => made({ maxConcurrentTasks: 0 })],
    ['BAD_CONFIG', /store 5 .* name a/, () => made({ store: 5 })],
    ['INVALID', /prompt is missing; give/, () => orchestrator.distributeTask({} as TaskInput)],
    ['INVALID', /task null .* give \{ prompt/, () => orchestrator.distributeTask(nothing())],
    ['INVALID', /priorty .* mean priority/, () => task({ priorty: 'low' })],
    ['INVALID', /affinityMode "must" .*required/, () => task({ affinityMode: 'must' })],
    ['INVALID', /affinity \[\] is empty/, () => task({ affinityMode: 'required' })],
    ['INVALID', /after/, () => task({ after: ['t99'] })],
    ['CONFLICT', /ada/, () => orchestrator.addAgent({ id: 'ada', repo: path })],
    ['INVALID', /agent null .* \{ id, repo/, () => orchestrator.addAgent(nothing())],
    ['INVALID', /repo "\/nowhere" is not there/, () => added({ repo: '/nowhere' })],
    ['INVALID', /labl .* mean labels/, () => added({ repo: path, labl: [] })],
    ['INVALID', /"two words"/, () => new ManagedAgent('two words', nothing())],
    ['INVALID', /title "two words"/, () => Instance.start({ title: 'two words', path })],
    ['INVALID', /path undefined/, () => Instance.start({ title: 'ada' } as never)],
    ['INVALID', /repo "\/nowhere"/, () => Instance.start({ title: 'bob', path: '/nowhere' })],
    ['NOT_FOUND', /"bob"/, () => orchestrator.getAgent('bob')],
    ['NOT_FOUND', /"bob"/, () => orchestrator.removeAgent('bob')],
    ['NOT_FOUND', /"bob"/, () => orchestrator.pauseAgent('bob')],
    ['NOT_FOUND', /"bob"/, () => orchestrator.resumeAgent('bob')],
    ['NOT_FOUND', /"bob"/, () => orchestrator.getAgentStats('bob')],
    ['NOT_FOUND', /t99/, () => orchestrator.getTask('t99')],
    ['INVALID', /state "done"/, () => orchestrator.listTasks({ state: 'done' as never })],
    ['INVALID', /bufferSize 0/, () => orchestrator.events({ bufferSize: 0 })],
    ['INVALID', /since -1/, () => orchestrator.events({ since: -1 })],
    ['INVALID', /timeoutMs NaN|timeoutMs null/, () => orchestrator.shutdown(Number.NaN)],
  ]
  const made = (options: object) => new AgentOrchestrator(options)
  const task = (more: object) => orchestrator.distributeTask({ prompt: 'true', ...more })
  const added = (more: object) => orchestrator.addAgent({ id: 'bob', ...more } as never)
  const nothing = () => null as never
  for (const [code, message, call] of wrong)
    await t.rejects(async () => call(), { code: `SQUADD_${code}`, message }, String(message))
  t.equal(orchestrator.getMetrics().totalTasksDistributed, 0, 'nothing of it was stored')
  t.equal(orchestrator.listAgents().length, 1)

  await task({})
  await task({})
  await t.rejects(task({}), { code: 'SQUADD_QUEUE_FULL', message: /raise taskQueueSize/ })
})

t.test('events come from the call on; a slow reader is told what it missed', async (t) => {
  const { path } = scratchFor(t)
  const orchestrator = orchestratorFor(t)
  const early = orchestrator.events()
  await orchestrator.addAgent({ id: 'ada', repo: path })
  const slow = orchestrator.events({ bufferSize: 3 })
  const left = orchestrator.events()
  const aborting = new AbortController()
  const aborted = orchestrator.events({ signal: aborting.signal })
  for (let i = 0; i < 5; i++) await (await orchestrator.distributeTask({ prompt: 'true' })).result

  const seen: SquadEvent[] = []
  while (seen.filter(({ type }) => type === 'TaskCompleted').length < 5)
    seen.push((await early.next()).value as SquadEvent)
  t.same(
    seen.map(({ seq }) => seq),
    seen.map((_, i) => i + 1),
    'none is missing, from the first on',
  )
  const { value: dropped } = (await slow.next()) as { value: SquadEvent }
  t.match(dropped, { type: 'EventsDropped', data: { from: Number, to: Number } })
  const { from, to } = dropped.data as { from: number; to: number }
  t.ok(to > from)
  for (let i = 1; i <= 3; i++) t.equal((await slow.next()).value?.seq, to + i, 'then it goes on')
  const again = orchestrator.events({ since: from - 1, bufferSize: 1 })
  for (let seq = from; seq <= to; seq++) t.same((await again.next()).value, seen[seq - 1])

  await left.return?.()
  t.same(await left.next(), { value: undefined, done: true }, 'a reader may leave')
  aborting.abort()
  t.same(await aborted.next(), { value: undefined, done: true }, 'or be sent away')
  const waiting = orchestrator.events().next()
  const end = orchestrator.events()
  await orchestrator.removeAgent('ada')
  t.match(await waiting, { done: false })
  await orchestrator.shutdown()
  const last: string[] = []
  for await (const { type } of end) last.push(type)
  t.ok(last.includes('AgentRemoved'), 'at the end the rest still comes')
})

t.test('the circuit breaker of the library', (t) => {
  let now = 1_000_000
  const breaker = new CircuitBreaker(
    { maxFailures: 3, resetTimeoutMs: 30_000, halfOpenTests: 2 },
    () => now,
  )
  breaker.recordFailure()
  breaker.recordFailure()
  breaker.recordSuccess()
  for (let i = 0; i < 3; i++) {
    t.equal(breaker.canExecute(), true, 'failures in a row count, not all')
    breaker.recordFailure()
  }
  t.same([breaker.state, breaker.canExecute()], ['open', false])
  now += 29_999
  t.equal(breaker.state, 'open')
  now += 1
  t.equal(breaker.state, 'half-open')
  t.same([breaker.canExecute(), breaker.canExecute(), breaker.canExecute()], [true, true, false])
  breaker.recordFailure()
  t.equal(breaker.state, 'open', 'one failed probe opens it again')
  breaker.transitionToHalfOpen()
  t.equal(breaker.canExecute(), true)
  breaker.recordSuccess()
  breaker.recordSuccess()
  t.equal(breaker.state, 'closed')

  const standard = new CircuitBreaker()
  for (let i = 0; i < 2; i++) standard.recordFailure()
  t.equal(standard.state, 'closed')
  standard.recordFailure()
  t.equal(standard.state, 'open', 'three by default, by the clock of the machine')
  t.throws(() => new CircuitBreaker({ maxFailure: 3 } as object), { message: /mean maxFailures/ })
  t.throws(() => new CircuitBreaker({ halfOpenTests: 0 }), { code: 'SQUADD_INVALID' })
  t.end()
})

t.test('createTask checks, fills in defaults, and changes nothing the second time', (t) => {
  t.same(createTask({ prompt: 'x' }), {
    prompt: 'x',
    priority: 'normal',
    affinity: [],
    affinityMode: 'preferred',
    require: [],
    after: [],
    onParentFailure: 'cancel',
    retries: 0,
    onUnknown: 'hold',
    preemptible: false,
    onStall: 'report',
    metadata: {},
  })
  t.throws(() => createTask({ prompt: ' ' }), { code: 'SQUADD_INVALID' })
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'))
  const input = fc.record(
    {
      prompt: fc.string({ minLength: 1 }).filter((text) => text.trim() !== ''),
      priority: fc.constantFrom<Priority[]>('low', 'normal', 'high', 'critical'),
      affinity: names,
      require: names,
      timeoutMs: fc.nat(),
      deadlineAt: fc.nat(),
      notBeforeAt: fc.nat(),
      retries: fc.nat(100),
      verify: fc.array(fc.constant('true'), { minLength: 1, maxLength: 2 }),
      maxAttempts: fc.integer({ min: 1, max: 100 }),
      maxCostUsd: fc.nat(),
      metadata: fc.dictionary(fc.string(), fc.jsonValue()),
    },
    { requiredKeys: ['prompt'] },
  )
  fc.assert(
    fc.property(input, (given) => {
      const task = createTask(given as TaskInput)
      deepStrictEqual(createTask(task), task)
      partialDeepStrictEqual(task, { ...given, require: task.require })
    }),
    { numRuns: 200 },
  )
  t.end()
})
