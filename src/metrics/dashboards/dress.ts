import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { ReduceDataOptionsBuilder } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { definitions } from '../definitions.ts'
import { namesWithColour } from './palette.ts'
import type { Query } from './query.ts'

/** A panel without its place. */
export type Tile = { height: number; build(): PanelBuilder }

type PanelBuilder = Builder<Panel> & {
  span(columns: number): unknown
  height(rows: number): unknown
}

export type Look = {
  /** Default: what the table of metrics says about what is shown. */
  description?: string
  /** Default: that of the first query. */
  unit?: string
}

export const dataSource = { type: 'prometheus', uid: '${datasource}' }

type Override = [{ id: string; value: unknown }]

type Dressed<T> = {
  title(title: string): T
  description(text: string): T
  datasource(source: typeof dataSource): T
  unit(unit: string): T
  noValue(text: string): T
  withTarget(target: DataqueryBuilder): T
  overrideByName(name: string, properties: Override): T
}

/** Gives a panel what every panel has. */
export function dress<T extends Dressed<T>>(
  panel: T,
  title: string,
  queries: readonly Query[],
  { unit, description }: Look,
  format = PromQueryFormat.TimeSeries,
): T {
  panel
    .title(title)
    .description(description ?? helpOf(queries))
    .datasource(dataSource)
    .unit(unit ?? queries[0]?.unit ?? 'short')
    .noValue('no data')
  for (const [index, { expr, legend }] of queries.entries())
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + index))
        .datasource(dataSource)
        .expr(expr)
        .legendFormat(legend)
        .format(format)
        .range(),
    )
  return panel
}

/** Names that mean something have their colour in every panel. */
export function paint<T extends Dressed<T>>(panel: T, queries: readonly Query[]): T {
  for (const [name, fixedColor] of queries.flatMap(namesWithColour))
    panel.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor } }])
  return panel
}

export const lastValue = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)

/** What the table of metrics says. */
function helpOf(queries: readonly Query[]): string {
  const names = new Set(queries.flatMap(({ metrics }) => metrics))
  return [...names].map((name) => definitions[name].help).join(' ')
}
