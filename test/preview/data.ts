import type { PanelFile } from '../support/dashboards.ts'
import type { Prometheus } from '../support/prometheus.ts'
import { colourOf } from './colours.ts'

/** A window in time, seconds since 1970. */
export type Span = { from: number; to: number }

/** One series of a panel, with the name and the colour that it has there. */
export type Line = { name: string; colour: string; points: [at: number, value: number][] }

/** What a panel shows: its queries, asked as Grafana would ask them. */
export async function linesOf(
  panel: PanelFile,
  prometheus: Prometheus,
  { from, to }: Span,
): Promise<Line[]> {
  const step = panel.type === 'heatmap' ? Math.round((to - from) / 40) : 2
  const lines: Line[] = []
  for (const { expr, legendFormat } of panel.targets ?? []) {
    const query = expr
      .replaceAll('$__rate_interval', panel.type === 'heatmap' ? `${step}s` : '30s')
      .replaceAll('$__range', `${Math.round(to - from)}s`)
      .replaceAll(/"\$\w+"/g, '".*"')
    for (const { metric, points } of await prometheus.queryRange(query, from, to, step)) {
      const name = legendFormat.replaceAll(
        /\{\{(\w+)\}\}/g,
        (_, label: string) => metric[label] ?? '',
      )
      const colour = colourOf(panel, name, lines.length)
      lines.push({ name, colour, points: points.filter(([, value]) => Number.isFinite(value)) })
    }
  }
  return lines.filter(({ points }) => points.length > 0)
}

export const lastOf = ({ points }: Line): number => points.at(-1)?.[1] ?? Number.NaN
