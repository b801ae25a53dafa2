import { axes } from '../axes.ts'
import { svg, tag } from '../svg.ts'
import type { Plot } from './plot.ts'
import { legend, legendHeight, unitOf } from './plot.ts'

/** Lines over time, or areas one upon the other. */
export function drawGraph({ panel, lines, span, box: { width, height } }: Plot): string {
  const box = { width, height: height - legendHeight(lines, width) }
  const isStacked = panel.fieldConfig?.defaults.custom?.stacking?.mode === 'normal'
  const floors = new Map<number, number>()
  const layers = lines.map((line) => ({
    ...line,
    points: line.points.map(([at, value]) => {
      const floor = isStacked ? (floors.get(at) ?? 0) : 0
      floors.set(at, floor + value)
      return { at, floor, top: floor + value }
    }),
  }))
  const highest = Math.max(...layers.flatMap(({ points }) => points.map(({ top }) => top)), 0)
  const { x, y, drawn } = axes(box, span, panel.fieldConfig?.defaults.max ?? highest, unitOf(panel))
  const shapes = layers.flatMap(({ colour, points }) =>
    pieces(points).map((piece) => {
      const top = piece.map((one) => `${x(one.at).toFixed(1)},${y(one.top).toFixed(1)}`)
      const floor = piece.map((one) => `${x(one.at).toFixed(1)},${y(one.floor).toFixed(1)}`)
      const area = tag('polygon', {
        points: [...top, ...floor.toReversed()].join(' '),
        fill: colour,
        'fill-opacity': isStacked ? '0.45' : '0.08',
      })
      const line = tag('polyline', { points: top.join(' '), stroke: colour, class: 'line' })
      return area + line
    }),
  )
  return svg(box, drawn + shapes.join('')) + legend(lines)
}

/** A line breaks where there was nothing for a while. */
function pieces<P extends { at: number }>(points: readonly P[]): P[][] {
  const all: P[][] = []
  for (const point of points) {
    const last = all.at(-1)
    if (last && point.at - last.at(-1)!.at <= 10) last.push(point)
    else all.push([point])
  }
  return all
}
