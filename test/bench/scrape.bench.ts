// A scrape of a squad with 1,000 agents, against prom-client's own text of the very same series.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Sample } from '../../bin/exposition.ts'
import { parseExposition } from '../../bin/exposition.ts'
import type { Definition } from '../../src/metrics/definitions.ts'
import { definitions } from '../../src/metrics/definitions.ts'
import { createMetrics } from '../../src/metrics/recorder.ts'
import { endpoints } from '../../src/supervisor/api/endpoints.ts'
import { agentReading, metricSources } from '../support/metric-sources.ts'
import type { Bench } from './row.ts'
import { row } from './row.ts'

const agentCount = 1000
const rounds = 10
// The clock of CPU time is coarse: so many scrapes are one measurement.
const atOnce = 10
const mayBlockMs = 50

export const bench: Bench = async () => {
  let scrapes = 0
  const squads = [agentsAt(0), agentsAt(1)]
  const metrics = createMetrics(
    metricSources({ routes: Object.values(endpoints), agents: () => squads[scrapes % 2]! }),
  )
  const ours = async () => {
    scrapes += 1
    return (await metrics.render()).text
  }
  const registry = plainRegistry(Buffer.from(await ours()).toString())
  const theirs = async () => Buffer.from(await registry.metrics())
  const expected = linesOf(await theirs())
  const found = linesOf(await ours())
  if (found !== expected) throw new Error(`ours has ${found} lines, theirs ${expected}`)

  const times: { ours: number; theirs: number }[] = []
  const blocks: { ours: number; theirs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const first = await measure(round % 2 === 0 ? ours : theirs)
    const second = await measure(round % 2 === 0 ? theirs : ours)
    const [mine, other] = round % 2 === 0 ? [first, second] : [second, first]
    times.push({ ours: mine.ms, theirs: other.ms })
    blocks.push({ ours: mine.blockedMs, theirs: mayBlockMs })
  }
  metrics.close()
  const worst = blocks.reduce((worst, one) => (one.ours > worst.ours ? one : worst))
  const name = `scrape, ${agentCount} agents, ${expected} lines`
  return [
    row(`${name}: prom-client`, 'ms CPU', times, { atMost: 0.3 }),
    row(`${name}: longest block of ${rounds * atOnce}, the limit`, 'ms CPU', [worst], {
      atMost: 1,
    }),
  ]
}

/** Each scrape finds other values, and one agent in five in another state. */
const agentsAt = (scrape: number) =>
  Array.from({ length: agentCount }, (_, i) =>
    agentReading(`agent-${i}`, {
      state: (i + scrape) % 10 === 0 ? 'waiting' : 'running',
      loadScore: ((i * 37 + scrape) % 1000) / 1000,
      load: {
        cpuPercent: ((i * 13 + scrape) % 4000) / 10,
        memoryBytes: 104_857_600 + i * 4096 + scrape,
        memoryShare: 0.01,
        processes: 1 + (i % 7),
      },
      tasksCompleted: i + scrape,
      totalExecTimeMs: i * 1234 + scrape,
    }),
  )

/** The same series, as one would keep them with prom-client alone. Its values are set beforehand. */
function plainRegistry(text: string): Registry {
  const registry = new Registry()
  const samples = new Map<string, Sample[]>()
  for (const sample of parseExposition(text))
    samples.set(sample.name, [...(samples.get(sample.name) ?? []), sample])
  for (const [name, definition] of Object.entries<Definition>(definitions)) {
    const { type, help, labels = {}, buckets = [] } = definition
    const shared = { name, help, labelNames: Object.keys(labels), registers: [registry] }
    if (type === 'histogram') {
      const histogram = new Histogram({ ...shared, buckets: [...buckets] })
      for (const { labels: at } of samples.get(`${name}_count`) ?? []) histogram.zero(at)
      continue
    }
    const metric = type === 'counter' ? new Counter(shared) : new Gauge(shared)
    for (const { labels: at, value } of samples.get(name) ?? []) metric.inc(at, Number(value))
  }
  return registry
}

/**
 * What it costs, down to the bytes that are sent, and the most of it between two turns of the event loop: CPU time of this thread, so
 * that what else the machine does is not counted.
 */
async function measure(act: () => Promise<Uint8Array>): Promise<{ ms: number; blockedMs: number }> {
  await nextTurn()
  const began = cpuMs()
  let last = began
  let blockedMs = 0
  let isOver = false
  const look = () => {
    const now = cpuMs()
    blockedMs = Math.max(blockedMs, now - last)
    last = now
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  for (let i = 0; i < atOnce; i++) await act()
  isOver = true
  look()
  return { ms: (last - began) / atOnce, blockedMs }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const linesOf = (text: Uint8Array): number =>
  Buffer.from(text)
    .toString()
    .split('\n')
    .filter((line) => line !== '').length
