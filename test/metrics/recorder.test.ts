import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import t from 'tap'
import type { Definition } from '../../src/metrics/definitions.ts'
import { definitions } from '../../src/metrics/definitions.ts'
import type { MetricSources } from '../../src/metrics/facts.ts'
import { createMetrics } from '../../src/metrics/recorder.ts'
import { programNames } from '../../src/supervisor/domain/agent.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import { totalsOf } from '../../src/supervisor/domain/totals.ts'
import { agentReading, metricSources } from '../support/metric-sources.ts'

function squad(t: Test, changes: Partial<MetricSources> = {}) {
  const metrics = createMetrics(metricSources(changes))
  t.teardown(() => metrics.close())
  return metrics
}

async function read(metrics: ReturnType<typeof squad>, accept?: string) {
  const { contentType, text } = await metrics.render(accept)
  return { contentType, text: Buffer.from(text).toString() }
}

/** Each series with its value, as Prometheus would read it. */
async function scrape(metrics: ReturnType<typeof squad>): Promise<Map<string, number>> {
  const { text } = await read(metrics)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

/** Something was written to the store, and has been looked at. */
async function written({ meter }: ReturnType<typeof squad>): Promise<void> {
  meter.stored('record', 1)
  await nextTurn()
}

const event = (type: EventType, data: Record<string, unknown>, taskId = 't7'): SquadEvent => ({
  ...{ seq: 1, at: 1_234_500, type, taskId, data },
})

/** What the store would have counted. */
function counted(events: readonly SquadEvent[]): ReturnType<MetricSources['counters']> {
  const sums = new Map<string, ReturnType<MetricSources['counters']>[number]>()
  for (const { name, label, by } of events.flatMap(totalsOf)) {
    const key = `${name} ${label}`
    sums.set(key, { name, label, value: (sums.get(key)?.value ?? 0) + by })
  }
  return [...sums.values()]
}

/** The values of labels that the table leaves free, as combinations. */
const free: Record<string, Record<string, string>[]> = {
  squadd_build_info: [{ version: '1.2.3', node: process.version, store: 'sqlite' }],
  squadd_http_requests_total: ['2xx', '4xx', '5xx'].flatMap((code) => [
    { method: 'GET', route: '/v1/tasks/:id', code },
    { method: 'POST', route: '/v1/tasks', code },
    { method: 'other', route: 'other', code },
  ]),
  squadd_http_request_duration_seconds: [
    { method: 'GET', route: '/v1/tasks/:id' },
    { method: 'POST', route: '/v1/tasks' },
    { method: 'other', route: 'other' },
  ],
  squadd_agent_info: [{ agent: 'a1', program: 'claude', state: 'running' }],
}

function seriesOf(name: string, { type, labels = {}, buckets = [] }: Definition): string[] {
  let all: Record<string, string>[] = [{}]
  for (const [label, values] of Object.entries(labels))
    all = all.flatMap((one) =>
      (values === 'free' ? ['a1'] : values).map((value) => ({ ...one, [label]: value })),
    )
  const text = (one: Record<string, string>) => {
    const pairs = Object.entries(one).map(([label, value]) => `${label}="${value}"`)
    return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
  }
  return (free[name] ?? all).flatMap((one) =>
    type === 'histogram'
      ? [
          ...[...buckets, '+Inf'].map((le) => `${name}_bucket${text({ le: String(le), ...one })}`),
          `${name}_sum${text(one)}`,
          `${name}_count${text(one)}`,
        ]
      : [`${name}${text(one)}`],
  )
}

t.test('every series of the table is there from the first scrape, and no other', async (t) => {
  const expected = Object.entries<Definition>(definitions).flatMap((one) => seriesOf(...one))
  const found = await scrape(squad(t, { agents: () => [agentReading('a1')] }))
  t.same([...found.keys()].sort(), expected.sort())
  for (const [series, value] of found) t.ok(Number.isFinite(value) && value >= 0, series)
})

t.test('names, types, units and help follow the rules of Prometheus', async (t) => {
  const { text, contentType } = await read(squad(t))
  t.match(contentType, /^text\/plain; version=0\.0\.4/)
  for (const [name, { type, unit, help, labels = {} }] of Object.entries<Definition>(definitions)) {
    t.match(text, `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: only counters end in _total`)
    t.match(name, /^(squadd|process|nodejs)_[a-z_]+$/)
    t.match(help, /\.$/)
    t.notMatch(name, /_(ms|milliseconds|minutes|kilobytes|percent)(_|$)/, 'base units')
    t.notMatch(Object.keys(labels).join(), /\b(le|quantile)\b/, `${name}: reserved labels`)
    if (unit === 'seconds' || unit === 'bytes') t.match(name, `_${unit}`)
  }
})

t.test('gauges show what is so at the scrape', async (t) => {
  let oldestReadyAt: number | null = null
  const one = squad(t, {
    agents: () => [
      agentReading('a1', { state: 'waiting', waitingSince: 1_000_000 }),
      agentReading('a2', { state: 'waiting', waitingSince: 1_055_000, breaker: 'half-open' }),
    ],
    programBreaker: (program) => (program === 'codex' ? 'open' : 'closed'),
    oldestReadyAt: () => oldestReadyAt,
    isAdmissionPaused: () => true,
    lastBackupAt: () => 1_030_000,
  })
  const before = await scrape(one)
  t.equal(before.get('squadd_tasks{state="held"}'), 5)
  t.equal(before.get('squadd_agents{state="waiting"}'), 2)
  t.equal(before.get('squadd_agents{state="failed"}'), 0)
  t.equal(before.get('squadd_agent_breakers{state="closed"}'), 1)
  t.equal(before.get('squadd_agent_breakers{state="half-open"}'), 1)
  t.equal(before.get('squadd_program_breakers{program="codex",state="open"}'), 1)
  t.equal(before.get('squadd_program_breakers{program="codex",state="closed"}'), 0)
  t.equal(before.get('squadd_program_breakers{program="claude",state="closed"}'), 1)
  t.equal(before.get('squadd_agent_longest_wait_seconds'), 60)
  t.equal(before.get('squadd_queue_oldest_task_age_seconds'), 0)
  t.equal(before.get('squadd_queue_limit'), 100_000)
  t.equal(before.get('squadd_concurrency_limit'), 10)
  t.equal(before.get('squadd_admission_paused'), 1)
  t.equal(before.get('squadd_uptime_seconds'), 60)
  t.equal(before.get('squadd_last_backup_timestamp_seconds'), 1030)
  t.equal(before.get('squadd_disk_free_bytes{mount="worktrees"}'), 222)
  t.equal(before.get('squadd_store_size_bytes{file="wal"}'), 444)
  t.equal(before.get('squadd_host_memory_bytes{state="used"}'), 700)
  oldestReadyAt = 1_058_500
  await written(one)
  const after = await scrape(one)
  t.equal(after.get('squadd_queue_oldest_task_age_seconds'), 1.5)
})

t.test('a scrape asks neither store nor disk: they are looked at beside it', async (t) => {
  const asked: string[] = []
  const timers: { ms: number; then: () => void }[] = []
  const passed = (ms: number) => {
    const due = timers.filter((timer) => timer.ms === ms)
    for (const one of due) timers.splice(timers.indexOf(one), 1)
    for (const { then } of due) then()
    return nextTurn()
  }
  let tasks = 1
  let free = 1
  const plain = metricSources()
  const one = squad(t, {
    after(ms, then) {
      const timer = { ms, then }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
    taskCounts: () => (asked.push('store'), { ...plain.taskCounts(), ready: tasks }),
    counters: () => (asked.push('store'), []),
    oldestReadyAt: () => (asked.push('store'), null),
    refreshAgents: () => void asked.push('store'),
    freeDisk: async () => (asked.push('disk'), { state: free, worktrees: 1 }),
    storeSize: async () => (asked.push('disk'), { main: 1, wal: 1 }),
    lastBackupAt: () => (asked.push('disk'), null),
  })
  const found = async () => {
    const values = await scrape(one)
    return [
      values.get('squadd_tasks{state="ready"}'),
      values.get('squadd_disk_free_bytes{mount="state"}'),
    ]
  }
  await written(one)
  t.same([asked, timers], [[], []], 'who is never scraped pays nothing')
  t.same(await found(), [1, 1])
  asked.splice(0)
  tasks = 2
  free = 2
  for (let i = 0; i < 3; i++) t.same(await found(), [1, 1])
  t.same(asked, [], 'nothing was asked')
  await written(one)
  t.same(new Set(asked.splice(0)), new Set(['store']))
  t.same(await found(), [2, 1], 'a write is seen at once')
  tasks = 3
  for (let i = 0; i < 5; i++) await written(one)
  t.same(await found(), [2, 1], 'a flood of them')
  t.same(asked, [])
  await passed(1000)
  t.same(await found(), [3, 1], 'a second later')
  await passed(15_000)
  t.same(await found(), [3, 2], 'and the disk on its own clock')
  one.close()
  t.same(timers, [], 'until the end')
})

t.test(
  'what could not be looked at fails the next scrape, and only as long as it lasts',
  async (t) => {
    let isFailing = false
    const one = squad(t, {
      counters() {
        if (isFailing) throw new Error('the store failed')
        return []
      },
    })
    await scrape(one)
    isFailing = true
    await written(one)
    await t.rejects(scrape(one), /the store failed/)
    isFailing = false
    t.ok((await scrape(one)).size > 0)
  },
)

t.test(
  'when the process started is the same at every scrape, whatever the clock says',
  async (t) => {
    let now = 1_060_000
    const one = squad(t, { now: () => now })
    const started = async () => (await scrape(one)).get('process_start_time_seconds')!
    const first = await started()
    t.ok(Math.abs(first - (Date.now() / 1000 - process.uptime())) < 5)
    now += 3_600_000
    t.equal(await started(), first)
  },
)

t.test('counters are the totals of the store, and unknown labels make no series', async (t) => {
  const counters = [
    { name: 'submitted', label: 'high', value: 3 },
    { name: 'finished', label: 'completed', value: 2 },
    { name: 'attempts', label: 'unknown', value: 1 },
    { name: 'restarts', label: 'hang', value: 4 },
    { name: 'late_results', label: '', value: 5 },
    { name: 'cost_micro_usd', label: 'codex', value: 1_500_000 },
    { name: 'submitted', label: 't1 "evil"\n', value: 9 },
  ] as { name: 'submitted'; label: string; value: number }[]
  const one = squad(t, { counters: () => counters })
  const first = await scrape(one)
  t.equal(first.get('squadd_tasks_submitted_total{priority="high"}'), 3)
  t.equal(first.get('squadd_tasks_submitted_total{priority="low"}'), 0)
  t.equal(first.get('squadd_tasks_finished_total{state="completed"}'), 2)
  t.equal(first.get('squadd_attempts_total{outcome="unknown"}'), 1)
  t.equal(first.get('squadd_agent_restarts_total{reason="hang"}'), 4)
  t.equal(first.get('squadd_agent_restarts_total{reason="exit"}'), 0)
  t.equal(first.get('squadd_late_results_total'), 5)
  t.equal(first.get('squadd_agent_cost_usd_total{program="codex"}'), 1.5)
  t.same([...first.keys()], [...(await scrape(squad(t))).keys()])
  counters[0]!.value = 10
  await written(one)
  const second = await scrape(one)
  t.equal(second.get('squadd_tasks_submitted_total{priority="high"}'), 10, 'read, not added up')
  for (const [series, value] of first)
    if (/_total(\{|$)/.test(series)) t.ok(second.get(series)! >= value, `${series} never falls`)
})

t.test('the worker pool shows', async (t) => {
  const found = await scrape(squad(t))
  t.equal(found.get('squadd_pool_jobs_total{outcome="completed"}'), 7)
  t.equal(found.get('squadd_pool_jobs_total{outcome="timed_out"}'), 1)
  t.equal(found.get('squadd_pool_jobs_total{outcome="dropped"}'), 4)
  t.equal(found.get('squadd_pool_queued_jobs'), 5)
  t.equal(found.get('squadd_pool_workers{state="busy"}'), 2)
  t.equal(found.get('squadd_pool_workers{state="idle"}'), 1)
  t.equal(found.get('squadd_pool_workers_lost_total'), 6)
  t.equal(found.get('squadd_pool_job_latency_seconds{stat="p99"}'), 1.5)
})

t.test('the series of an agent come and go with it, and follow its state', async (t) => {
  const agents = [agentReading('a1'), agentReading('a2', { state: 'idle', load: null })]
  const one = squad(t, { agents: () => agents })
  const of = (found: Map<string, number>) => [...found.keys()].filter((key) => /agent="/.test(key))
  const both = await scrape(one)
  t.equal(of(both).length, 16)
  t.equal(both.get('squadd_agent_cpu_cores{agent="a1"}'), 1.5)
  t.equal(both.get('squadd_agent_memory_bytes{agent="a1"}'), 4096)
  t.equal(both.get('squadd_agent_processes{agent="a2"}'), 0)
  t.equal(both.get('squadd_agent_load_score{agent="a1"}'), 0.625)
  t.equal(both.get('squadd_agent_tasks_total{agent="a1",result="failed"}'), 3)
  t.equal(both.get('squadd_agent_busy_seconds_total{agent="a1"}'), 90.5)
  t.equal(both.get('squadd_agent_info{agent="a1",program="claude",state="running"}'), 1)
  agents[0] = agentReading('a1', { state: 'failed' })
  agents.pop()
  const later = await scrape(one)
  t.equal(of(later).length, 8)
  t.equal(later.get('squadd_agent_info{agent="a1",program="claude",state="failed"}'), 1)
  t.notOk(later.has('squadd_agent_info{agent="a1",program="claude",state="running"}'))
})

t.test('waiting times and durations are what the store has kept of the events', async (t) => {
  const events = [
    event('TaskStarted', { priority: 'high', waitMs: 700 }),
    event('TaskStarted', { priority: 'high', waitMs: 90_000 }),
    event('TaskStarted', { priority: 'high', waitMs: -5 }),
    event('TaskCompleted', { outcome: 'succeeded', program: 'claude', durationMs: 31_000 }),
    event('TaskRetried', { outcome: 'unknown', program: null, durationMs: 1, leaseExpired: true }),
  ]
  const found = await scrape(squad(t, { counters: () => counted(events) }))
  const name = 'squadd_task_queue_wait_seconds'
  t.equal(found.get(`${name}_count{priority="high"}`), 3)
  t.equal(found.get(`${name}_sum{priority="high"}`), 90.7)
  t.equal(found.get(`${name}_bucket{le="0.1",priority="high"}`), 1)
  t.equal(found.get(`${name}_bucket{le="1",priority="high"}`), 2)
  t.equal(found.get(`${name}_bucket{le="300",priority="high"}`), 3)
  t.equal(found.get(`${name}_bucket{le="+Inf",priority="low"}`), 0)
  const labels = 'program="claude",outcome="succeeded"'
  t.equal(found.get(`squadd_task_duration_seconds_bucket{le="30",${labels}}`), 0)
  t.equal(found.get(`squadd_task_duration_seconds_bucket{le="60",${labels}}`), 1)
  t.equal(found.get(`squadd_task_duration_seconds_sum{${labels}}`), 31)
  t.equal(found.get('squadd_leases_expired_total'), 1)
  for (const program of programNames)
    t.equal(
      found.get(`squadd_task_duration_seconds_count{program="${program}",outcome="unknown"}`),
      0,
    )
})

t.test('OpenMetrics names the task of an observation, the text format does not', async (t) => {
  const events = [
    event('TaskStarted', { priority: 'high', waitMs: 700 }, 't1'),
    event('TaskStarted', { priority: 'high', waitMs: 800 }, 't2'),
    event('TaskFailed', { outcome: 'timed_out', program: 'codex', durationMs: 9000 }, 't3'),
  ]
  const one = squad(t, { counters: () => counted(events) })
  one.onEvents(events)
  const { text, contentType } = await read(one, 'application/openmetrics-text; version=1.0.0')
  t.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/)
  t.match(
    text,
    'squadd_task_queue_wait_seconds_bucket{le="1",priority="high"} 2 # {task_id="t2"} 0.8 1234.5\n',
  )
  t.match(text, '{le="15",program="codex",outcome="timed_out"} 1 # {task_id="t3"} 9 1234.5\n')
  t.equal(text.match(/# \{task_id/g)?.length, 2)
  t.match(text, '# TYPE squadd_attempts counter\nsquadd_attempts_total{')
  t.match(text, /\n# EOF\n$/)
  t.notMatch((await read(one, 'text/plain')).text, 'task_id')
})

t.test('a client gets the format that it likes best', async (t) => {
  const one = squad(t)
  const isOpen = async (accept?: string) =>
    (await read(one, accept)).contentType.startsWith('application/openmetrics-text')
  const prometheus =
    'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  t.equal(await isOpen(prometheus), true)
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/plain',
    'text/plain, application/openmetrics-text;q=0.9',
    'application/openmetrics-text;q=0',
    'application/json',
  ])
    t.equal(await isOpen(accept), false, String(accept))
})

t.test('what is measured as it happens is there at the next scrape', async (t) => {
  const one = squad(t)
  const { meter } = one
  meter.dispatched('claim', 30)
  meter.stored('enqueue', 4)
  meter.storeFailed('full')
  meter.gitLockRetried('add')
  meter.answered({
    ...{ route: { method: 'POST', path: '/v1/tasks' }, status: 201, ms: 20, isOpenEnded: false },
  })
  meter.answered({ route: null, status: 421, ms: 1, isOpenEnded: false })
  meter.answered({
    ...{ route: { method: 'GET', path: '/v1/tasks/:id' }, status: 200, ms: 9e6, isOpenEnded: true },
  })
  const leave = meter.subscribed()
  meter.subscribed()
  meter.subscriberDropped('stalled')
  meter.eventsMissed(40)
  const found = await scrape(one)
  t.equal(found.get('squadd_dispatch_duration_seconds_bucket{le="0.05",step="claim"}'), 1)
  t.equal(found.get('squadd_store_operation_duration_seconds_sum{op="enqueue"}'), 0.004)
  t.equal(found.get('squadd_store_errors_total{code="full"}'), 1)
  t.equal(found.get('squadd_git_lock_retries_total{op="add"}'), 1)
  const requests = (method: string, route: string, code: string) =>
    found.get(`squadd_http_requests_total{method="${method}",route="${route}",code="${code}"}`)
  t.equal(requests('POST', '/v1/tasks', '2xx'), 1)
  t.equal(requests('other', 'other', '4xx'), 1)
  t.equal(requests('GET', '/v1/tasks/:id', '2xx'), 1)
  const answers = 'squadd_http_request_duration_seconds_count'
  t.equal(found.get(`${answers}{method="GET",route="/v1/tasks/:id"}`), 0, 'a stream')
  t.equal(found.get(`${answers}{method="POST",route="/v1/tasks"}`), 1)
  t.equal(found.get('squadd_event_subscribers'), 2)
  t.equal(found.get('squadd_event_subscribers_dropped_total{reason="stalled"}'), 1)
  t.equal(found.get('squadd_events_missed_total'), 40)
  leave()
  t.equal((await scrape(one)).get('squadd_event_subscribers'), 1)
})
