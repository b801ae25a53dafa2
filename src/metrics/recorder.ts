import { setImmediate as nextTurn } from 'node:timers/promises'
import { Registry } from 'prom-client'
import type { SquadEvent } from '../supervisor/domain/event.ts'
import type { Meter } from '../supervisor/domain/meter.ts'
import { AgentSeries } from './agent-series.ts'
import { createClockWatch } from './clock-watch.ts'
import { createExemplars } from './exemplars.ts'
import { formatFor, formats, write } from './exposition.ts'
import type { Facts, MetricSources } from './facts.ts'
import { gather } from './facts.ts'
import { measuredFamilies, readFamily, storedFamily } from './families.ts'
import { Looks } from './looks.ts'
import { createLoopLag } from './loop-lag.ts'
import { createMeter } from './meter.ts'
import { readings, storedHistograms } from './readings.ts'

export type Metrics = {
  /** All metrics as Prometheus reads them, in the format that an `Accept` header likes best. */
  render(accept?: string): Promise<{ contentType: string; text: Uint8Array }>
  /** Takes in what was recorded: exemplars are its tasks. */
  onEvents(events: readonly SquadEvent[]): void
  /** Told what is measured as it happens. */
  meter: Meter
  /** Looks at nothing any more. */
  close(): void
}

/**
 * The metrics of one squad. What the squad knows is read when it is asked for, what the store knows when
 * it has changed (`Looks`), so nothing is counted twice and nothing is lost with the supervisor; the
 * rest goes into a registry of its own.
 * Every series of `definitions` exists from the first scrape; a label value that is not in the table
 * is left out.
 */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  const measures = createMeter(registry, sources.routes)
  const exemplars = createExemplars()
  const agentSeries = new AgentSeries()
  const lag = createLoopLag()
  const looks = new Looks(sources)
  const meter: Meter = {
    ...measures,
    stored(operation, ms) {
      measures.stored(operation, ms)
      if (operation !== 'read') looks.changed()
    },
  }
  const clocks = createClockWatch({ wall: Date.now, passed: () => performance.now() })
  const { version, store } = sources
  const known = { version, node: process.version, store }
  const fixed = [
    ...entries(readings).map(([name, read]) => readFamily(name, read, known)),
    ...entries(storedHistograms).map(([name, total]) => storedFamily(name, total, exemplars)),
  ]

  const measured = measuredFamilies(registry)

  return {
    meter,
    async render(accept) {
      clocks.look()
      const asked = performance.now()
      await nextTurn()
      const turnSeconds = (performance.now() - asked) / 1000
      const looked = await looks.take()
      const facts: Facts = {
        ...looked,
        ...gather(sources),
        ...{ turnSeconds, lag: lag.take(), jumps: clocks.jumps },
      }
      const format = formatFor(accept)
      const families = [
        ...fixed.map((family) => family(facts)),
        ...(await measured()),
        ...agentSeries.families(facts.agents),
      ]
      return { contentType: formats[format], text: await write(families, format) }
    },
    onEvents(events) {
      clocks.look()
      for (const event of events) exemplars.take(event)
    },
    close() {
      lag.close()
      looks.close()
    },
  }
}

const entries = <K extends string, V>(table: Record<K, V>) => Object.entries(table) as [K, V][]
