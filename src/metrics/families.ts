import type { Metric } from 'prom-client'
import type { TotalName } from '../supervisor/domain/totals.ts'
import type { Definition, MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { Exemplars } from './exemplars.ts'
import type { Facts } from './facts.ts'
import { totalKey } from './facts.ts'
import type { Reading } from './readings.ts'
import type { Family, Sample } from './series.ts'
import { combinations, startOf } from './series.ts'

/** A metric whose series are fixed, as it is at one instant. */
export type Fixed = (facts: Facts) => Family

const definitionOf = (name: MetricName): Definition => definitions[name]

/** `known`: the one value of each label that the table leaves free. */
export function readFamily(
  name: MetricName,
  read: Reading,
  known: Record<string, string> = {},
): Fixed {
  const series = combinationsOf(name, known).map((labels) => ({
    start: startOf(name, labels),
    values: Object.values(labels),
  }))
  const { type, help } = definitionOf(name)
  return (facts) => ({
    name,
    type,
    help,
    samples: () => series.map(({ start, values }) => ({ start, value: read(facts, ...values) })),
  })
}

/** A histogram that the store keeps: how many in each bucket, and their sum in ms. */
export function storedFamily(name: MetricName, total: TotalName, exemplars: Exemplars): Fixed {
  const { type, help, buckets = [] } = definitionOf(name)
  const bounds = [...buckets.map(String), '+Inf']
  const series = combinationsOf(name, {}).map((labels) => ({
    values: Object.values(labels),
    bounds: bounds.map((le) => ({ le, start: startOf(`${name}_bucket`, { le, ...labels }) })),
    sum: startOf(`${name}_sum`, labels),
    count: startOf(`${name}_count`, labels),
  }))
  return ({ totals }) => ({
    name,
    type,
    help,
    samples: () =>
      series.flatMap(({ values, bounds: all, sum, count }) => {
        const of = (label: string) => totals.get(totalKey(total, ...values, label)) ?? 0
        let seen = 0
        const inBuckets = all.map(({ le, start }): Sample => {
          seen += of(le)
          const exemplar = exemplars.of(total, values, le)
          return exemplar ? { start, value: seen, exemplar } : { start, value: seen }
        })
        return [
          ...inBuckets,
          { start: sum, value: of('sum') / 1000 },
          { start: count, value: seen },
        ]
      }),
  })
}

/** A metric that is measured as things happen. */
export function measuredFamily(metric: Metric): Family {
  const { name } = metric as unknown as { name: MetricName }
  const { type, help } = definitionOf(name)
  return {
    name,
    type,
    help,
    async samples() {
      const { values } = await metric.get()
      return values.map((one) => {
        // Of a histogram each value says of which series it is.
        const { metricName = name } = one as { metricName?: string }
        return {
          start: startOf(metricName, one.labels as Record<string, string>),
          value: one.value,
        }
      })
    },
  }
}

function combinationsOf(name: MetricName, known: Record<string, string>) {
  const { labels = {} } = definitionOf(name)
  const values = Object.entries(labels).map(([label, all]) => [
    label,
    all === 'free' ? [known[label] ?? ''] : all,
  ])
  return combinations(Object.fromEntries(values) as Record<string, readonly string[]>)
}
