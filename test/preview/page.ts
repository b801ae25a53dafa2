import type { DashboardFile, PanelFile } from '../support/dashboards.ts'
import type { Prometheus } from '../support/prometheus.ts'
import type { Span } from './data.ts'
import { linesOf } from './data.ts'
import { drawBars } from './plots/bars.ts'
import { drawGraph } from './plots/graph.ts'
import { drawHeat } from './plots/heat.ts'
import { drawNumber } from './plots/number.ts'
import type { Plot } from './plots/plot.ts'
import { drawTimeline } from './plots/timeline.ts'
import { escape } from './svg.ts'

const column = 56
const row = 32
const gap = 8
const head = 62

const drawers: Record<string, (plot: Plot) => string> = {
  stat: drawNumber,
  timeseries: drawGraph,
  bargauge: drawBars,
  heatmap: drawHeat,
  'state-timeline': drawTimeline,
}

export type Page = { html: string; width: number; height: number }

/** A dashboard as a page: the same places, queries, units and colours as in Grafana; no Grafana. */
export async function pageOf(
  dashboard: DashboardFile,
  prometheus: Prometheus,
  span: Span,
): Promise<Page> {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h))
  const panels: string[] = []
  for (const panel of dashboard.panels) panels.push(await drawPanel(panel, prometheus, span))
  const width = 24 * column + 2 * gap
  const height = head + bottom * row + gap
  const html = `<!doctype html><meta charset="utf-8"><title>${escape(dashboard.title)}</title>
<style>${style}</style>
<header><b>${escape(dashboard.title)}</b> <span>${escape(dashboard.description)}</span>
<em>preview, not Grafana</em></header>
<main>${panels.join('\n')}</main>`
  return { html, width, height }
}

async function drawPanel(panel: PanelFile, prometheus: Prometheus, span: Span): Promise<string> {
  const { x, y, w, h } = panel.gridPos
  const place = `left:${x * column + gap}px;top:${y * row + head}px;width:${w * column - gap}px;height:${h * row - gap}px`
  if (panel.type === 'row') return `<h2 style="${place}">${escape(panel.title)}</h2>`
  const draw = drawers[panel.type]
  if (!draw) throw new Error(`there is no drawing for a panel of type ${panel.type}`)
  const lines = await linesOf(panel, prometheus, span)
  const box = { width: w * column - gap - 18, height: h * row - gap - 40 }
  const drawn =
    lines.length > 0
      ? draw({ panel, lines, span, box })
      : `<div class="nothing">${escape(panel.fieldConfig?.defaults.noValue ?? '')}</div>`
  return `<section class="${panel.type}" style="${place}"><h3>${escape(panel.title)}</h3>${drawn}</section>`
}

const style = `
* { box-sizing: border-box; margin: 0 }
body { background: #111217; color: #ccccdc; font: 13px 'DejaVu Sans', Inter, sans-serif }
header { position: absolute; left: 16px; top: 18px; right: 16px; font-size: 15px }
header b { font-size: 19px; color: #fff; margin-right: 12px }
header em { position: absolute; right: 0; color: #8e8e9e; font-size: 12px; top: 4px }
h2, section { position: absolute }
h2 { font-size: 14px; font-weight: 600; padding: 7px 4px 0; color: #e6e6f0 }
h2::before { content: '▾'; margin-right: 8px; color: #8e8e9e }
section { background: #181b1f; border: 1px solid #25272e; border-radius: 3px; padding: 8px 8px 4px; overflow: hidden }
h3 { font-size: 13px; font-weight: 600; height: 22px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.value { font-size: 30px; line-height: 36px; font-weight: 600; text-align: center; padding-top: 2px; white-space: nowrap }
.words { font-size: 13px; line-height: 18px; white-space: normal; padding-top: 12px }
.spark { position: absolute; left: 8px; bottom: 4px }
.nothing { text-align: center; color: #8e8e9e; padding-top: 18% }
.stat .nothing { padding-top: 16px }
.legend { max-height: 34px; overflow: hidden; font-size: 11px; padding-top: 4px; line-height: 15px }
.legend span { display: inline-block }
.legend span { margin-right: 12px }
.legend i { display: inline-block; width: 14px; height: 4px; border-radius: 2px; margin-right: 5px; vertical-align: middle }
svg { display: block }
.grid { stroke: #2a2d35; stroke-width: 1 }
.tick { fill: #9d9daf; font-size: 11px }
.end { text-anchor: end }
.middle { text-anchor: middle }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
.band { fill: #111217; font-size: 11px; font-weight: 600 }
`
