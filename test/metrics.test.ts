import t from 'tap'
import fc from 'fast-check'
import type { EventType, SquadEvent } from '../src/supervisor/domain/event.ts'
import { definitions } from '../src/metrics/definitions.ts'
import type { Definition } from '../src/metrics/definitions.ts'
import type { MetricSources } from '../src/metrics/readings.ts'
import { createMetrics } from '../src/metrics/recorder.ts'

type Counters = ReturnType<MetricSources['counters']>[number][]

function squad() {
  const counters: Counters = []
  const state = { oldestReadyAt: null as number | null, agents: ['idle', 'running'] as const }
  const metrics = createMetrics({
    version: '1.2.3',
    store: 'sqlite',
    startedAt: 1_000_000,
    now: () => 1_060_000,
    taskCounts: () => ({
      blocked: 1,
      delayed: 2,
      ready: 3,
      running: 4,
      held: 5,
      completed: 6,
      failed: 7,
      cancelled: 8,
    }),
    agentStates: () => state.agents,
    oldestReadyAt: () => state.oldestReadyAt,
    counters: () => counters,
    pool: () => ({
      ...{ completed: 7, failed: 2, timedOut: 1, aborted: 3, dropped: 4 },
      ...{ queued: 5, activeWorkers: 2, idleWorkers: 1, lostWorkers: 6 },
      latencyMs: { p50: 20, p99: 1500 },
    }),
  })
  return { metrics, counters, state }
}

/** Each series with its value, as Prometheus would read it. */
async function scrape({ metrics }: ReturnType<typeof squad>): Promise<Map<string, number>> {
  const { text } = await metrics.render()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

const event = (type: EventType, data: Record<string, unknown>): SquadEvent => ({
  seq: 1,
  at: 1,
  type,
  data,
})

t.test('every series of the table is there from the first scrape, and no other', async (t) => {
  const expected: string[] = []
  for (const [name, definition] of Object.entries<Definition>(definitions)) {
    const [[label, values] = []] = Object.entries(definition.labels ?? {})
    if (values === 'free') continue
    const series = values?.map((value) => `${label}="${value}"`) ?? ['']
    for (const one of series) {
      const braces = one && `{${one}}`
      if (definition.type !== 'histogram') expected.push(`${name}${braces}`)
      else {
        for (const le of [...definition.buckets!, '+Inf'])
          expected.push(`${name}_bucket{le="${le}",${one}}`)
        expected.push(`${name}_sum${braces}`, `${name}_count${braces}`)
      }
    }
  }
  expected.push(`squadd_build_info{version="1.2.3",node="${process.version}",store="sqlite"}`)
  const found = await scrape(squad())
  t.same([...found.keys()].sort(), expected.sort())
  for (const [series, value] of found) t.ok(Number.isFinite(value) && value >= 0, series)
})

t.test('names, types and help follow the rules of Prometheus', async (t) => {
  const { text, contentType } = await squad().metrics.render()
  t.match(contentType, /^text\/plain; version=0\.0\.4/)
  for (const [name, { type, help }] of Object.entries<Definition>(definitions)) {
    t.match(text, `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: only counters end in _total`)
    t.match(name, /^(squadd|process|nodejs)_[a-z_]+$/)
    t.match(help, /\.$/)
    t.notMatch(name, /_(ms|milliseconds|minutes|kilobytes|percent)(_|$)/, 'base units')
  }
})

t.test('gauges show what is so at the scrape', async (t) => {
  const one = squad()
  const before = await scrape(one)
  t.equal(before.get('squadd_tasks{state="held"}'), 5)
  t.equal(before.get('squadd_agents{state="running"}'), 1)
  t.equal(before.get('squadd_agents{state="failed"}'), 0)
  t.equal(before.get('squadd_queue_oldest_task_age_seconds'), 0)
  t.equal(before.get('squadd_uptime_seconds'), 60)
  one.state.oldestReadyAt = 1_058_500
  const after = await scrape(one)
  t.equal(after.get('squadd_queue_oldest_task_age_seconds'), 1.5)
})

t.test('counters are the totals of the store, and unknown labels make no series', async (t) => {
  const one = squad()
  one.counters.push(
    { name: 'submitted', label: 'high', value: 3 },
    { name: 'finished', label: 'completed', value: 2 },
    { name: 'attempts', label: 'unknown', value: 1 },
    { name: 'restarts', label: '', value: 4 },
    { name: 'late_results', label: '', value: 5 },
    { name: 'submitted', label: 't1 "evil"\n', value: 9 },
  )
  const first = await scrape(one)
  t.equal(first.get('squadd_tasks_submitted_total{priority="high"}'), 3)
  t.equal(first.get('squadd_tasks_submitted_total{priority="low"}'), 0)
  t.equal(first.get('squadd_tasks_finished_total{state="completed"}'), 2)
  t.equal(first.get('squadd_attempts_total{outcome="unknown"}'), 1)
  t.equal(first.get('squadd_agent_restarts_total'), 4)
  t.equal(first.get('squadd_late_results_total'), 5)
  t.same([...(await scrape(one)).keys()], [...(await scrape(squad())).keys()])
  one.counters[0]!.value = 10
  const second = await scrape(one)
  t.equal(second.get('squadd_tasks_submitted_total{priority="high"}'), 10, 'read, not added up')
  for (const [series, value] of first)
    if (/_total(\{|$)/.test(series)) t.ok(second.get(series)! >= value, `${series} never falls`)
})

t.test('the worker pool shows', async (t) => {
  const found = await scrape(squad())
  t.equal(found.get('squadd_pool_jobs_total{outcome="completed"}'), 7)
  t.equal(found.get('squadd_pool_jobs_total{outcome="timed_out"}'), 1)
  t.equal(found.get('squadd_pool_jobs_total{outcome="dropped"}'), 4)
  t.equal(found.get('squadd_pool_queued_jobs'), 5)
  t.equal(found.get('squadd_pool_workers{state="busy"}'), 2)
  t.equal(found.get('squadd_pool_workers{state="idle"}'), 1)
  t.equal(found.get('squadd_pool_workers_lost_total'), 6)
  t.equal(found.get('squadd_pool_job_latency_seconds{quantile="0.99"}'), 1.5)
})

t.test('waiting times come from the events, whatever else is in them', async (t) => {
  const one = squad()
  const anything = fc.record({ priority: fc.anything(), waitMs: fc.anything() })
  one.metrics.onEvents(fc.sample(anything, 200).map((data) => event('TaskStarted', data)))
  one.metrics.onEvents([
    event('TaskStarted', { priority: 'high', waitMs: 700, fence: 1, attempt: 1 }),
    event('TaskStarted', { priority: 'high', waitMs: 90_000 }),
    event('TaskCompleted', { priority: 'high', waitMs: 1 }),
  ])
  const found = await scrape(one)
  const name = 'squadd_task_queue_wait_seconds'
  t.equal(found.get(`${name}_count{priority="high"}`), 2)
  t.equal(found.get(`${name}_sum{priority="high"}`), 90.7)
  t.equal(found.get(`${name}_bucket{le="0.5",priority="high"}`), 0)
  t.equal(found.get(`${name}_bucket{le="1",priority="high"}`), 1)
  t.equal(found.get(`${name}_bucket{le="300",priority="high"}`), 2)
  t.equal(found.size, (await scrape(squad())).size)
})
