import { timeAxis } from '../axes.ts'
import { format } from '../format.ts'
import { svg, tag, text } from '../svg.ts'
import type { Plot } from './plot.ts'
import { unitOf } from './plot.ts'

/** How observations are spread over buckets: darker where there are more. */
export function drawHeat({ panel, lines, span, box }: Plot): string {
  const edge = (name: string) => (name === '+Inf' ? Infinity : Number(name))
  const buckets = lines.toSorted((a, b) => edge(a.name) - edge(b.name))
  const within = buckets.map((line, index) => {
    const below = new Map(buckets[index - 1]?.points)
    const points = line.points.map(([at, value]) => [at, value - (below.get(at) ?? 0)] as const)
    return { name: line.name, points: points.filter(([, value]) => value > 0.01) }
  })
  const isUsed = within.findLastIndex(({ points }) => points.length > 0)
  const shown = within.slice(0, Math.max(isUsed + 1, 1))
  const most = Math.max(...shown.flatMap(({ points }) => points.map(([, value]) => value)), 1)
  const { x, drawn } = timeAxis(box, span)
  const row = (box.height - 26) / shown.length
  const cells = shown.flatMap(({ name, points }, index) => {
    const y = box.height - 20 - (index + 1) * row
    const label = name === '+Inf' ? 'more' : `≤ ${format(Number(name), unitOf(panel))}`
    return [
      text(60, y + row / 2 + 4, label, { class: 'tick end' }),
      ...points.map(([at, value]) => {
        const width = x(span.from + (span.to - span.from) / 40) - x(span.from)
        const opacity = (0.2 + 0.8 * Math.sqrt(value / most)).toFixed(2)
        return tag('rect', {
          x: Math.max(x(at) - width, 66),
          y: y + 1,
          width: width - 1,
          height: row - 2,
          fill: '#5794f2',
          'fill-opacity': opacity,
        })
      }),
    ]
  })
  return svg(box, drawn + cells.join(''))
}
