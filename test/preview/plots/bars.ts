import { lastOf } from '../data.ts'
import { format } from '../format.ts'
import { svg, tag, text } from '../svg.ts'
import type { Plot } from './plot.ts'
import { unitOf } from './plot.ts'

/** A bar for each series, the longest first. */
export function drawBars({ panel, lines, box }: Plot): string {
  const sorted = lines.toSorted((a, b) => lastOf(b) - lastOf(a))
  const highest = Math.max(...sorted.map(lastOf), 1e-9)
  const height = Math.min(34, box.height / Math.max(sorted.length, 1))
  const names = 110
  const bars = sorted.map((line, index) => {
    const y = index * height
    const width = Math.max(2, (lastOf(line) / highest) * (box.width - names - 70))
    return (
      text(names - 8, y + height / 2 + 4, line.name, { class: 'tick end' }) +
      tag('rect', { x: names, y: y + 4, width, height: height - 8, rx: 2, fill: line.colour }) +
      text(names + width + 6, y + height / 2 + 4, format(lastOf(line), unitOf(panel)), {
        class: 'tick',
      })
    )
  })
  return svg(box, bars.join(''))
}
