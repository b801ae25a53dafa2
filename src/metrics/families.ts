import type { Registry } from 'prom-client'
import type { TotalName } from '../supervisor/domain/totals.ts'
import type { Definition, MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { Exemplars } from './exemplars.ts'
import type { Facts } from './facts.ts'
import { totalKey } from './facts.ts'
import type { Reading } from './readings.ts'
import type { Family } from './series.ts'
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
  const { type, help } = definitionOf(name)
  const all = combinationsOf(name, known)
  const starts = all.map((labels) => startOf(name, labels))
  const labels = all.map((one) => Object.values(one))
  return (facts) => ({
    ...{ name, type, help, starts },
    values: labels.map((one) => read(facts, ...one)),
  })
}

/** A histogram that the store keeps: how many in each bucket, and their sum in ms. */
export function storedFamily(name: MetricName, total: TotalName, exemplars: Exemplars): Fixed {
  const { type, help, buckets = [] } = definitionOf(name)
  const bounds = [...buckets.map(String), '+Inf']
  const all = combinationsOf(name, {})
  const starts = all.flatMap((labels) => [
    ...bounds.map((le) => startOf(`${name}_bucket`, { le, ...labels })),
    startOf(`${name}_sum`, labels),
    startOf(`${name}_count`, labels),
  ])
  const keys = all.map((labels) => {
    const key = (last: string) => totalKey(total, ...Object.values(labels), last)
    return { bounds: bounds.map(key), sum: key('sum') }
  })
  const named = keys.flatMap((one) => [...one.bounds, null, null])
  return ({ totals }) => ({
    ...{ name, type, help, starts },
    values: keys.flatMap((one) => {
      let seen = 0
      const inBuckets = one.bounds.map((key) => (seen += totals.get(key) ?? 0))
      return [...inBuckets, (totals.get(one.sum) ?? 0) / 1000, seen]
    }),
    exemplars: named.map((key) => (key === null ? undefined : exemplars.of(key))),
  })
}

/** What is measured as things happen: its series are there from the start, and stay in their order. */
export function measuredFamilies(registry: Registry): () => Promise<Family[]> {
  const known = new Map<string, string[]>()
  return async () => {
    const metrics = await registry.getMetricsAsJSON()
    return metrics.map(({ name, help, type, values }) => {
      const starts = known.get(name) ?? values.map((one) => startOfMeasured(name, one))
      known.set(name, starts)
      return {
        ...{ name, help, starts },
        type: String(type) as Definition['type'],
        values: values.map(({ value }) => value),
      }
    })
  }
}

function startOfMeasured(name: string, { labels, metricName = name }: Measured): string {
  return startOf(metricName, labels as Record<string, string>)
}

/** Of a histogram each value says of which series it is. */
type Measured = { labels: object; metricName?: string }

function combinationsOf(name: MetricName, known: Record<string, string>) {
  const { labels = {} } = definitionOf(name)
  const values = Object.entries(labels).map(([label, all]) => [
    label,
    all === 'free' ? [known[label] ?? ''] : all,
  ])
  return combinations(Object.fromEntries(values) as Record<string, readonly string[]>)
}
