import t from 'tap'
import type { Test } from 'tap'
import { parseExposition } from '../../bin/exposition.ts'
import { definitions } from '../../src/metrics/definitions.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { TaskInput } from '../../src/supervisor/domain/task.ts'
import { Field, gate } from '../support/field.ts'

t.setTimeout(600_000)

type Count = (event: SquadEvent) => number
type Labels = Record<string, string>
/** What the events say about one series. */
type Check = { metric: keyof typeof definitions; suffix?: string; labels?: Labels; of: Count }

const is =
  (type: EventType, matches: (data: SquadEvent['data']) => boolean = () => true): Count =>
  (event) =>
    Number(event.type === type && matches(event.data))

const ends: EventType[] = [
  'TaskCompleted',
  'TaskFailed',
  'TaskCancelled',
  'TaskHeld',
  'TaskRetried',
]
/** The end of an attempt. */
const attempt =
  (matches: (data: SquadEvent['data']) => boolean, count: Count = () => 1): Count =>
  (event) =>
    ends.includes(event.type) && 'outcome' in event.data && matches(event.data) ? count(event) : 0

const each = <T extends string>(values: readonly T[], check: (value: T) => Check): Check[] =>
  values.map(check)

function histogram(
  metric: Check['metric'],
  labels: Labels,
  has: (event: SquadEvent) => boolean,
  ms: string,
): Check[] {
  const { buckets } = definitions[metric] as unknown as { buckets: number[] }
  const length = (event: SquadEvent) => Math.max(0, event.data[ms] as number)
  return [
    ...[...buckets, Infinity].map((bound) => ({
      metric,
      suffix: '_bucket',
      labels: { le: bound === Infinity ? '+Inf' : String(bound), ...labels },
      of: (event: SquadEvent) => Number(has(event) && length(event) <= bound * 1000),
    })),
    { metric, suffix: '_count', labels, of: (event) => Number(has(event)) },
    { metric, suffix: '_sum', labels, of: (event) => (has(event) ? length(event) / 1000 : 0) },
  ]
}

const { labels: submitted } = definitions.squadd_tasks_submitted_total
const { labels: durations } = definitions.squadd_task_duration_seconds

/** Every counter that the event log can check. */
const checks: Check[] = [
  ...each(submitted.priority, (priority) => ({
    metric: 'squadd_tasks_submitted_total',
    labels: { priority },
    of: is('TaskSubmitted', (data) => data['priority'] === priority),
  })),
  ...(['Completed', 'Failed', 'Cancelled'] as const).map((state): Check => ({
    metric: 'squadd_tasks_finished_total',
    labels: { state: state.toLowerCase() },
    of: is(`Task${state}`),
  })),
  ...each(durations.outcome, (outcome) => ({
    metric: 'squadd_attempts_total',
    labels: { outcome },
    of: attempt((data) => data['outcome'] === outcome),
  })),
  ...each(definitions.squadd_attempt_failures_total.labels.cause, (cause) => ({
    metric: 'squadd_attempt_failures_total',
    labels: { cause },
    of: attempt((data) => data['cause'] === cause),
  })),
  ...submitted.priority.flatMap((priority) =>
    histogram(
      'squadd_task_queue_wait_seconds',
      { priority },
      ({ type, data }) => type === 'TaskStarted' && data['priority'] === priority,
      'waitMs',
    ),
  ),
  ...durations.program.flatMap((program) =>
    durations.outcome.flatMap((outcome) =>
      histogram(
        'squadd_task_duration_seconds',
        { program, outcome },
        (event) =>
          attempt((data) => data['program'] === program && data['outcome'] === outcome)(event) > 0,
        'durationMs',
      ),
    ),
  ),
  {
    metric: 'squadd_leases_expired_total',
    of: attempt((data) => data['leaseExpired'] === true),
  },
  { metric: 'squadd_late_results_total', of: is('TaskLateResult') },
  ...each(definitions.squadd_agent_restarts_total.labels.reason, (reason) => ({
    metric: 'squadd_agent_restarts_total',
    labels: { reason },
    of: is('AgentRestarted', (data) => data['kind'] === reason),
  })),
  {
    metric: 'squadd_agent_readopted_total',
    of: is('AgentStateChanged', ({ from, to }) => from === 'starting' && to === 'running'),
  },
  {
    metric: 'squadd_orphans_killed_total',
    of: (event) => (event.type === 'OrphansKilled' ? Number(event.data['count']) : 0),
  },
  { metric: 'squadd_agent_questions_total', of: is('AgentWaiting') },
  ...each(definitions.squadd_events_published_total.labels.type, (type) => ({
    metric: 'squadd_events_published_total',
    labels: { type },
    of: is(type),
  })),
]

const agents = ['ada', 'bob', 'cid']
const ofAgents: Check[] = agents.flatMap((agent) =>
  (['completed', 'failed'] as const).map((result): Check => ({
    metric: 'squadd_agent_tasks_total',
    labels: { agent, result },
    of: (event) =>
      event.agentId === agent
        ? attempt(({ outcome }) =>
            result === 'completed'
              ? outcome === 'succeeded'
              : outcome === 'failed' || outcome === 'timed_out',
          )(event)
        : 0,
  })),
)

// The metrics look at the store a second after it has changed, at the latest.
const looksWithinMs = 5000

/** All events and all metrics of one moment: nothing happened between them. */
async function look(field: Field) {
  const read = async () => {
    const events: SquadEvent[] = []
    for await (const event of field.client.events({ since: 0, follow: false })) events.push(event)
    return events
  }
  const until = performance.now() + looksWithinMs
  for (;;) {
    const events = await read()
    const text = (await field.client.call('metrics', {})) as string
    if ((await read()).length !== events.length) continue
    const samples = parseExposition(text)
    const published = samples
      .filter(({ name }) => name === 'squadd_events_published_total')
      .reduce((sum, { value }) => sum + Number(value), 0)
    if (published < events.length && performance.now() < until) continue
    return { events, samples: new Map(samples.map((one) => [keyOf(one), Number(one.value)])) }
  }
}

const keyOf = ({ name, labels }: { name: string; labels: Labels }): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`

async function agree(t: Test, field: Field): Promise<void> {
  const { events, samples } = await look(field)
  t.equal(events[0]?.seq, 1, 'the log is whole')
  for (const { metric, suffix = '', labels = {}, of } of [...checks, ...ofAgents]) {
    const said = events.reduce((sum, event) => sum + of(event), 0)
    const found = samples.get(keyOf({ name: `${metric}${suffix}`, labels }))
    const name = `${metric}${suffix} ${JSON.stringify(labels)}: ${said} by the events`
    if (suffix === '_sum') t.ok(Math.abs(found! - said) < 0.0005, `${name}, ${found}`)
    else t.equal(found, said, name)
  }
  const value = (name: string, labels: Labels = {}) => samples.get(keyOf({ name, labels })) ?? 0
  // Else it would prove nothing.
  for (const outcome of ['succeeded', 'failed', 'cancelled', 'timed_out', 'preempted', 'unknown'])
    t.ok(value('squadd_attempts_total', { outcome }) > 0, `${outcome} occurred`)
  t.ok(value('squadd_agent_restarts_total', { reason: 'signal' }) > 0, 'hosts were killed')
  t.ok(value('squadd_agent_readopted_total') > 0, 'attempts were adopted')
  t.ok(value('squadd_orphans_killed_total') > 0, 'processes were left running')
}

t.test('after kill -9 of supervisor and hosts every counter is what the events say', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  field.configure({ restartIntensity: 100, healthCheckIntervalMs: 86_400_000 })
  await field.open(agents)
  const wave = (name: string): TaskInput[] => [
    { prompt: 'true' },
    { prompt: '(sleep 600 &) ; echo left one', priority: 'high' },
    { prompt: 'exit 3', retries: 1, priority: 'low' },
    { prompt: 'sleep 600', timeoutMs: 300 },
    { prompt: 'exit 1', ref: `${name}-parent` },
    { prompt: 'true', after: [`${name}-parent`] },
    { prompt: 'true', after: [`${name}-parent`], onParentFailure: 'run' },
    { prompt: 'true', verify: ['false'] },
  ]
  const killHosts = async () => {
    for (const { hostPid } of await field.agentViews())
      if (hostPid !== null) process.kill(hostPid, 'SIGKILL')
  }
  const killSupervisor = async () => {
    const pid = await field.squad.pid()
    process.kill(pid, 'SIGKILL')
    field.client.close()
    await field.start()
  }

  const gates = agents.map((name) => gate(field, name))
  const held = []
  for (const { prompt } of gates) held.push(await field.add({ prompt, preemptible: true }))
  for (const name of agents) await field.pidOf(name)
  await killSupervisor()
  await killHosts()
  const first = (await field.client.call('tasks.add', { tasks: wave('w1') })) as typeof held
  // It takes the place of one that runs, and that one comes back.
  await field.wait((await field.add({ prompt: 'true', priority: 'critical' })).id)
  const show = ({ id }: { id: string }) => field.client.call('tasks.show', { id })
  // Not the one that waits again: that has no attempt to cancel.
  const cancelled = (await Promise.all(held.map(show))).find(({ state }) => state === 'running')!
  await field.client.call('tasks.cancel', { id: cancelled.id })
  await field.wait(cancelled.id)
  const others = held.filter(({ id }) => id !== cancelled.id)
  for (const one of gates) one.open()
  await killHosts()
  await field.settled(first)
  await field.settled(others)

  const begun = `echo "began lost.0 $PPID" >> '${field.journal}'; exec sleep 600`
  const lost = await field.add({ prompt: begun })
  process.kill(await field.pidOf('lost'), 'SIGKILL')
  t.equal((await field.wait(lost.id)).state, 'held')
  await field.client.call('tasks.cancel', { id: lost.id })
  const second = (await field.client.call('tasks.add', { tasks: wave('w2') })) as typeof held
  await killSupervisor()
  await field.settled(second)
  await agree(t, field)

  await killSupervisor()
  await killHosts()
  await agree(t, field)
})
