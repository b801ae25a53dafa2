import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import type { SquadEvent } from '../src/supervisor/domain/event.ts'
import type { Explanation } from '../src/supervisor/domain/explanation.ts'
import type { Task, TaskInput } from '../src/supervisor/domain/task.ts'
import { priorities } from '../src/supervisor/domain/task.ts'
import { Field, gate } from './support/field.ts'

t.setTimeout(600_000)

async function open(t: Test, settings: object, agents: Record<string, string[]>): Promise<Field> {
  const field = new Field()
  t.teardown(() => field.close())
  field.configure({ ...settings })
  await field.open([])
  for (const [id, labels] of Object.entries(agents))
    await field.client.call('agents.add', { id, repo: field.squad.repo, labels })
  return field
}

async function eventsOf(field: Field): Promise<SquadEvent[]> {
  const all: SquadEvent[] = []
  for await (const event of field.client.events({ since: 0, follow: false })) all.push(event)
  return all
}

const isProcessGone = (pid: number) => !existsSync(`/proc/${pid}`)

t.test('six agents do 200 tasks of every kind, each where it may run', async (t) => {
  const labels = { a1: ['fast'], a2: ['fast', 'gpu'], a3: ['gpu'], a4: [], a5: [], a6: [] }
  const field = await open(t, { maxConcurrentTasks: 5 }, labels)
  const kinds: Partial<TaskInput>[] = [
    {},
    { affinity: ['a4'] },
    { affinity: ['a5', 'a6'], affinityMode: 'required' },
    { require: ['gpu'] },
    { require: ['fast', 'gpu'] },
  ]
  const tasks: TaskInput[] = Array.from({ length: 200 }, (_, i) => ({
    prompt: `sleep 0.0${i % 7}; echo ${i}`,
    priority: priorities[i % 4]!,
    ...kinds[i % 5],
  }))
  const ended = await field.settled((await field.client.call('tasks.add', { tasks })) as Task[])
  t.ok(ended.every(({ state }) => state === 'completed'))
  for (const { agent, spec } of ended) {
    if (spec.affinityMode === 'required' && !spec.affinity.includes(agent!))
      t.fail(`${agent} is none of ${spec.affinity.join()}`)
    const has = labels[agent as keyof typeof labels]
    if (!spec.require.every((label) => has.includes(label as never)))
      t.fail(`${agent} lacks a label`)
  }
  const running = new Set<string>()
  let most = 0
  for (const { type, taskId = '', data } of await eventsOf(field)) {
    if (type === 'TaskStarted') running.add(taskId)
    // An attempt that ends otherwise, such as one that could not begin, makes room as well.
    if (type === 'TaskRetried') t.comment(`${taskId} again: ${String(data['reason'])}`)
    if (type === 'TaskCompleted' || type === 'TaskRetried') running.delete(taskId)
    most = Math.max(most, running.size)
  }
  t.equal(most, 5, 'never more than maxConcurrentTasks, and as many as that')
})

t.test('a broken login opens the breaker of the program, not agent by agent', async (t) => {
  const settings = { breakerResetMs: 400 }
  const field = await open(t, settings, { ada: [], bob: [], cid: [] })
  const login = join(field.squad.dir, 'login')
  const prompt = `[ -e '${login}' ] && exit 0
    echo '{"cause":"auth","reason":"not logged in"}' > "$SQUADD_REPORT"; exit 1`
  const tasks = (await field.client.call('tasks.add', {
    tasks: Array.from({ length: 12 }, () => ({ prompt })),
  })) as Task[]
  for await (const { type, data } of field.client.events({ since: 0 }))
    if (type === 'BreakerOpened') {
      t.equal(data['scope'], 'program:shell')
      t.equal(data['reason'], 'not logged in (exit status 1)')
      break
    }
  const before = (await eventsOf(field)).filter(({ type }) => type === 'TaskRetried').length
  t.ok(before <= 5, `three failures in a row open it; ${before} attempts had been made`)
  writeFileSync(login, '')
  const ended = await field.settled(tasks)
  t.ok(
    ended.every(({ state }) => state === 'completed'),
    'nothing was burnt',
  )
  t.ok(
    ended.every(({ attempt }) => attempt === 1),
    'and no task paid for it',
  )
  const scopes = (await eventsOf(field))
    .filter(({ type }) => type === 'BreakerOpened' || type === 'BreakerClosed')
    .map(({ type, data }) => `${type} ${String(data['scope'])}`)
  t.same([...new Set(scopes)], ['BreakerOpened program:shell', 'BreakerClosed program:shell'])
})

t.test('the breaker of one agent stays open over a restart, and a reset closes it', async (t) => {
  const settings = { breakerResetMs: 3_600_000, breakerMaxFailures: 2 }
  const field = await open(t, settings, { ada: [] })
  const bad = await Promise.all([1, 2].map(() => field.add({ prompt: 'exit 5' })))
  await field.settled(bad)
  const next = await field.add({ prompt: 'echo at last' })
  t.match(await field.client.call('agents.show', { id: 'ada' }), {
    circuitState: 'open',
    loadScore: 1,
  })
  await field.squad.json('stop')
  field.client.close()
  await field.start()
  const explained = (await field.client.call('tasks.explain', { id: next.id })) as Explanation
  t.match(explained.reasons[0], { code: /agent-breaker|agent-state/ })
  await field.squad.json('agent', 'restart', 'ada')
  t.match(await field.wait(next.id), { state: 'completed' }, 'who restarts it has looked at it')
})

t.test(
  'a critical task interrupts a low one when all are busy, and that one ends later',
  async (t) => {
    const field = await open(t, {}, { ada: [], bob: [] })
    const gates = ['one', 'two'].map((name) => gate(field, name))
    const low = await Promise.all(gates.map(({ prompt }) => field.add({ prompt, priority: 'low' })))
    await field.pidOf('one')
    await field.pidOf('two')
    const urgent = await field.add({ prompt: 'echo now', priority: 'critical' })
    const done = await field.wait(urgent.id)
    t.ok(
      done.startedAt! - done.createdAt < 1000,
      `started after ${done.startedAt! - done.createdAt} ms`,
    )
    // The victim reads the line of its second run.
    for (const { open } of gates) open()
    const again = await field.settled(low)
    t.ok(again.every(({ state, attempt }) => state === 'completed' && attempt === 1))
    const outcomes = (await eventsOf(field)).filter(({ type }) => type === 'TaskRetried')
    t.match(outcomes, [{ data: { outcome: 'preempted' } }], 'one was interrupted, no more')
  },
)

/** Of each of the three; `npm run torture` has 20. */
const rounds = Number(process.env['ROUNDS'] ?? 7)

t.test(
  'cancel, timeout and stall leave an agent that takes the next task, every time',
  async (t) => {
    const settings = { stallAfterMs: 300, sampleIntervalMs: 100, stopGraceMs: 1000 }
    const field = await open(t, settings, { ada: [] })
    const stuck = (name: string) =>
      `trap '' INT; echo "began ${name}.0 $$" >> '${field.journal}'; sleep 600 & sleep 600`
    for (let round = 0; round < 3 * rounds; round++) {
      const name = `r${round}`
      const way = (['cancel', 'timeout', 'stall'] as const)[round % 3]!
      const limits = {
        cancel: {},
        timeout: { timeoutMs: 150 },
        stall: { onStall: 'stop' },
      } as const
      const task = await field.add({ prompt: stuck(name), ...limits[way] })
      const pid = await field.pidOf(name)
      if (way === 'cancel') await field.client.call('tasks.cancel', { id: task.id })
      const ended = await field.wait(task.id)
      const expected = {
        cancel: { state: 'cancelled', outcome: 'cancelled' },
        timeout: { state: 'failed', cause: 'timed_out' },
        stall: { state: 'failed', cause: 'stalled' },
      }
      t.match(ended, expected[way], `round ${round}: ${way}`)
      const next = await field.wait((await field.add({ prompt: 'echo fine' })).id)
      t.match(next, { state: 'completed', result: { output: 'fine\n' } })
      t.ok(isProcessGone(pid), 'its program is gone')
      const left = field.squad.leftovers().filter((one) => one.includes('sleep 600'))
      t.same(left, [], 'no process of the ended attempt lives')
    }
    const stalled = (await eventsOf(field)).filter(({ type }) => type === 'TaskStalled')
    t.ok(stalled.length >= rounds, 'a stall is an event first')
  },
)

t.test('caps hold a task for a person, who may let it go on', async (t) => {
  const field = await open(t, { breakerMaxFailures: 1000 }, { ada: [] })
  const costly = `echo '{"usage":{"inputTokens":5,"outputTokens":7,"costUsd":0.6}}' > "$SQUADD_REPORT"; exit 1`
  const task = await field.add({ prompt: costly, retries: 9, maxCostUsd: 1 })
  const held = await field.wait(task.id)
  t.match(held, { state: 'held', attempt: 2, spentUsd: 1.2, reason: /cost 1.20 USD, the cap is 1/ })
  t.match(held.result?.usage, { inputTokens: 5, outputTokens: 7, costUsd: 0.6 })
  await field.client.call('tasks.release', { id: task.id })
  t.match(await field.wait(task.id), { state: 'held', attempt: 4 }, 'it went on with the cap anew')
  const twice = await field.add({ prompt: 'exit 1', retries: 9, maxAttempts: 2 })
  t.match(await field.wait(twice.id), { state: 'held', reason: /started 2 times, the cap is 2/ })
})

t.test('explain gives the true reason', async (t) => {
  const settings = {
    maxConcurrentTasks: 4,
    breakerMaxFailures: 1,
    breakerResetMs: 3_600_000,
    labelLimits: { scarce: 1 },
  }
  const field = await open(t, settings, {
    ada: [],
    bob: ['scarce'],
    cid: ['scarce'],
    dora: ['lone'],
  })
  const { client } = field
  const explain = (id: string) => client.call('tasks.explain', { id }) as Promise<Explanation>
  const only = (id: string) => ({ affinity: [id], affinityMode: 'required' as const })

  const first = gate(field, 'first')
  const running = await field.add({ prompt: first.prompt, ...only('ada'), timeoutMs: 60_000 })
  await field.pidOf('first')
  t.match(await explain(running.id), { state: 'running', summary: /ada has it since .*at most 1m/ })

  const behind = await field.add({ prompt: 'true', ...only('ada') })
  t.match(await explain(behind.id), { reasons: [{ code: 'busy', text: `ada runs ${running.id}` }] })
  const second = await field.add({ prompt: 'true', ...only('ada') })
  t.match(await explain(second.id), { summary: /1 tasks go before it/ })

  const child = await field.add({ prompt: 'true', after: [running.id] })
  t.match(await explain(child.id), {
    state: 'blocked',
    reasons: [{ code: 'parent', text: `${running.id} is running` }],
  })

  const nobody = await field.add({ prompt: 'true', require: ['gpu'] })
  t.match(await explain(nobody.id), {
    reasons: [{ code: 'no-agent' }],
    wayOut: [/agent add/, /cancel/],
  })

  const later = await field.add({ prompt: 'true', notBeforeAt: Date.now() + 3_600_000 })
  t.match(await explain(later.id), { state: 'delayed', summary: /waits 1h|waits 60m/ })

  const scarce = gate(field, 'scarce')
  await field.add({ prompt: scarce.prompt, ...only('bob') })
  await field.pidOf('scarce')
  const limited = await field.add({ prompt: 'true', ...only('cid') })
  t.match(await explain(limited.id), { reasons: [{ code: 'label-limit' }] })

  await client.call('agents.pause', { id: 'dora' })
  const paused = await field.add({ prompt: 'true', ...only('dora') })
  t.match(await explain(paused.id), {
    reasons: [{ code: 'agent-state', text: /dora is paused/ }],
    wayOut: ['squadd agent resume dora'],
  })
  await client.call('agents.resume', { id: 'dora' })
  await field.wait(paused.id)

  const failing = await field.wait((await field.add({ prompt: 'exit 9', ...only('dora') })).id)
  t.match(await explain(failing.id), {
    state: 'failed',
    summary: /exit status 9/,
    wayOut: [/retry/],
  })
  const broken = await field.add({ prompt: 'true', ...only('dora') })
  t.match(await explain(broken.id), { reasons: [{ code: 'agent-breaker', until: Number }] })
  t.match(await client.call('agents.explain', { id: 'dora' }), {
    reasons: [{ code: 'agent-breaker' }],
  })

  await client.call('tasks.cancel', { id: nobody.id })
  t.match(await explain(nobody.id), { state: 'cancelled', summary: /cancelled by the operator/ })

  await client.call('agents.stop', { id: 'cid' })
  t.match(await explain(limited.id), {
    reasons: [{ code: 'agent-state', text: /cid is stopped/ }],
    wayOut: ['squadd agent resume cid'],
  })
  const { stdout } = await field.squad.run('explain', limited.id)
  t.match(stdout, /because cid is stopped/)
  t.match(stdout, /way out: squadd agent resume cid/)
  first.open()
  scarce.open()
  t.match(await field.wait(running.id), { state: 'completed' })
  t.match(await explain(running.id), { state: 'completed', evidence: [{}, { source: 'exit' }] })
  t.match(readFileSync(field.journal, 'utf8'), /began first/)
})
