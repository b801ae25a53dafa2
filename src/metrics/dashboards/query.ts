import type { MetricName, Unit } from '../definitions.ts'
import { definitions } from '../definitions.ts'

/** A question to Prometheus, and what a panel needs to show the answer. */
export type Query = {
  expr: string
  /** The name of each series; `{{label}}` stands for a label's value. */
  legend: string
  /** A unit of Grafana. */
  unit: string
  metrics: readonly MetricName[]
  /** The label that there is a series for each value of. */
  by?: string
}

export type Choice = {
  /** One series for each value of this label. Without: one for all together. */
  by?: string
  /** Matchers of PromQL: `state="held"`. */
  where?: string
  /** Default: the value of `by`. */
  legend?: string
}

/** The sum of a gauge as it is now. */
export const now = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, unitOf(name), (series, by) => `sum${by} (${series})`)

/** The greatest of a gauge, where a sum would say nothing: an age, a lag. */
export const greatest = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, unitOf(name), (series, by) => `max${by} (${series})`)

/** How fast a counter grows. */
export const perSecond = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, paces[unitNamed(name)] ?? 'suffix:/s', (series, by) => grow(series, by))

/** How fast a counter of rarer things grows. */
export const perMinute = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, 'suffix:/min', (series, by) => `60 * ${grow(series, by)}`)

/** How fast a counter of precious things grows. */
export const perHour = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, unitOf(name), (series, by) => `3600 * ${grow(series, by)}`)

/** How much a counter has grown in the time that is shown; whole things are not counted in parts. */
export const inRange = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, unitOf(name), (series, by) => {
    const growth = `sum${by} (increase(${series}[$__range]))`
    return unitOf(name) === 'short' ? `round(${growth})` : growth
  })

/** What a share (0 to 1) of the observations of a histogram stayed below. */
export function quantile(share: number, name: MetricName, choice: Choice = {}): Query {
  const { by, where, legend = by ? `{{${by}}}` : `p${share * 100}` } = choice
  const buckets = grow(seriesOf(`${name}_bucket`, where), ` by (${by ? `${by}, ` : ''}le)`)
  // Without observations it is no number, and no series.
  const expr = `histogram_quantile(${share}, ${buckets}) >= 0`
  return { expr, legend, unit: unitOf(name), metrics: [name] }
}

/** How many observations of a histogram there were. */
export const observed = (name: MetricName, choice: Choice = {}): Query =>
  query(name, choice, 'suffix:/s', (_, by) => grow(seriesOf(`${name}_count`, choice.where), by))

/** How many observations fell into each bucket of a histogram. */
export const perBucket = (name: MetricName, where?: string): Query => ({
  expr: `sum by (le) (increase(${seriesOf(`${name}_bucket`, where)}[$__rate_interval]))`,
  legend: '{{le}}',
  unit: unitOf(name),
  metrics: [name],
})

/** One quantity as a share of another. */
export const ratio = (part: Query, whole: Query, legend: string): Query => ({
  expr: `(${part.expr}) / (${whole.expr})`,
  legend,
  unit: 'percentunit',
  metrics: [...part.metrics, ...whole.metrics],
})

/** Of the series of a counter by a label, those that grew in the time that is shown. */
export function moved(query: Query): Query {
  const { by, expr, metrics } = query
  const growth = metrics.map((name) => `increase(${seriesOf(name)}[$__range] @ end())`).join('')
  return { ...query, expr: `${expr} and on (${by}) (sum by (${by}) (${growth}) > 0)` }
}

/** How much of one quantity there is for each of another. */
export const quotient = (part: Query, whole: Query, legend: string): Query => ({
  ...ratio(part, whole, legend),
  unit: part.unit,
})

/** For each value of `label` the number of the state it is in, of a metric with a series a state. */
export function stateOf(
  name: MetricName,
  label: string,
  states: readonly string[],
  where?: string,
): Query {
  const numbered = states.map((state, number) => {
    const series = seriesOf(name, [`state="${state}"`, ...(where ? [where] : [])].join(', '))
    return `(${series} == 1) * ${number}`
  })
  const expr = `max by (${label}) (${numbered.join(' or ')})`
  return { expr, legend: `{{${label}}}`, unit: 'short', metrics: [name] }
}

/** How many alerts of ours fire; Prometheus keeps them as series of its own. */
export const alertsFiring = (): Query => ({
  expr: 'count(ALERTS{alertstate="firing", alertname=~"Squadd.+"}) or vector(0)',
  legend: 'alerts',
  unit: 'short',
  metrics: [],
})

const seriesOf = (name: string, where?: string): string =>
  `${name}{${['instance=~"$instance"', ...(where ? [where] : [])].join(', ')}}`

const units: Partial<Record<Unit, string>> = {
  bytes: 'bytes',
  cores: 'suffix: cores',
  ratio: 'percentunit',
  seconds: 's',
  timestamp: 'dateTimeFromNow',
  usd: 'currencyUSD',
}
/** Seconds of a counter that pass in a second: of CPU, or of an agent's time. */
const paces: Partial<Record<Unit, string>> = { bytes: 'Bps', seconds: 'percentunit' }

const unitNamed = (name: MetricName): Unit => definitions[name].unit
const unitOf = (name: MetricName): string => units[unitNamed(name)] ?? 'short'

const grow = (series: string, by: string): string => `sum${by} (rate(${series}[$__rate_interval]))`

function query(
  name: MetricName,
  { by, where, legend }: Choice,
  unit: string,
  express: (series: string, by: string) => string,
): Query {
  return {
    expr: express(seriesOf(name, where), by ? ` by (${by})` : ''),
    legend: legend ?? (by ? `{{${by}}}` : definitions[name].help),
    unit,
    metrics: [name],
    ...(by ? { by } : {}),
  }
}
