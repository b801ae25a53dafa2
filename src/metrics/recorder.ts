import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { SquadEvent } from '../supervisor/domain/event.ts'
import type { Priority } from '../supervisor/domain/task.ts'
import { priorities } from '../supervisor/domain/task.ts'
import type { Definition } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { MetricSources } from './readings.ts'
import { readings } from './readings.ts'

export type Metrics = {
  /** All metrics as Prometheus reads them. */
  render(): Promise<{ contentType: string; text: string }>
  /** Takes in what was recorded: waiting times come from `TaskStarted`. */
  onEvents(events: readonly SquadEvent[]): void
}

/**
 * The metrics of one squad, in a registry of their own. All but the waiting times are read when they
 * are asked for, so nothing is counted twice and nothing is lost with the supervisor. Every series of
 * `definitions` exists from the first scrape; a label value that is not in the table is left out.
 */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  for (const [name, read] of Object.entries(readings(sources))) {
    const definition: Definition = definitions[name as keyof typeof definitions]
    const shared = {
      name,
      help: definition.help,
      labelNames: Object.keys(definition.labels ?? {}),
      registers: [registry],
    }
    if (definition.type === 'counter')
      new Counter({
        ...shared,
        async collect() {
          const samples = await read()
          this.reset()
          for (const { labels, value } of samples) this.inc(labels, value)
        },
      })
    else
      new Gauge({
        ...shared,
        async collect() {
          for (const { labels, value } of await read()) this.set(labels, value)
        },
      })
  }
  const { help, buckets } = definitions.squadd_task_queue_wait_seconds
  const waits = new Histogram({
    name: 'squadd_task_queue_wait_seconds',
    help,
    labelNames: ['priority'],
    buckets: [...buckets],
    registers: [registry],
  })
  for (const priority of priorities) waits.zero({ priority })

  return {
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    onEvents(events) {
      for (const { type, data } of events) {
        if (type !== 'TaskStarted') continue
        const { priority, waitMs } = data
        if (isPriority(priority) && typeof waitMs === 'number')
          waits.observe({ priority }, Math.max(0, waitMs) / 1000)
      }
    },
  }
}

const isPriority = (value: unknown): value is Priority => priorities.includes(value as Priority)
