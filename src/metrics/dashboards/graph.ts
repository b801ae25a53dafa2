import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import {
  BarGaugeDisplayMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import type { Look, Tile } from './dress.ts'
import { dress, lastValue, paint } from './dress.ts'
import { colourOf } from './palette.ts'
import type { Query } from './query.ts'

const height = 8

/** Lines over time; `stacked`: filled and one upon the other. */
export function graph(
  title: string,
  queries: Query | readonly Query[],
  look: Look & { stacked?: true; max?: number } = {},
): Tile {
  const all = [queries].flat()
  const { stacked, max } = look
  const build = () => {
    const panel = paint(dress(new timeseries.PanelBuilder(), title, all, look), all)
      .min(0)
      .lineWidth(stacked ? 1 : 2)
      .fillOpacity(stacked ? 40 : 10)
      .showPoints(VisibilityMode.Never)
      .legend(legend())
      .tooltip(tooltip())
    if (max !== undefined) panel.max(max)
    if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    return panel
  }
  return { height, build }
}

/** A bar for each series, as it is now. */
export const bars = (title: string, query: Query, look: Look = {}): Tile => ({
  height,
  build: () =>
    paint(dress(new bargauge.PanelBuilder(), title, [query], look), [query])
      .min(0)
      .displayMode(BarGaugeDisplayMode.Basic)
      .orientation(VizOrientation.Horizontal)
      .reduceOptions(lastValue()),
})

/** How the observations of a histogram are spread, over time. */
export const heat = (title: string, query: Query, look: Look = {}): Tile => ({
  height,
  build: () =>
    dress(new heatmap.PanelBuilder(), title, [query], look, PromQueryFormat.Heatmap)
      .calculate(false)
      .yAxis(new heatmap.YAxisConfigBuilder().unit(query.unit))
      .color(new heatmap.HeatmapColorOptionsBuilder().scheme('Blues').steps(32))
      .cellGap(1),
})

/** A band for each series, in the colour of the state whose number it has. */
export function timeline(
  title: string,
  query: Query,
  states: readonly string[],
  look: Look = {},
): Tile {
  const options = Object.fromEntries(
    states.map((text, index) => [index, { text, index, color: colourOf(text) ?? 'text' }]),
  )
  const build = () =>
    dress(new statetimeline.PanelBuilder(), title, [query], look)
      .mappings([{ type: MappingType.ValueToText, options }])
      .mergeValues(true)
      .showValue(VisibilityMode.Auto)
      .legend(legend())
      .tooltip(tooltip())
  return { height, build }
}

const legend = () =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)

const tooltip = () =>
  new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending)
