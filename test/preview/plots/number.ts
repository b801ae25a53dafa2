import { colourNamed } from '../colours.ts'
import { lastOf } from '../data.ts'
import { format } from '../format.ts'
import { escape, svg, tag } from '../svg.ts'
import type { Defaults, Plot } from './plot.ts'
import { unitOf } from './plot.ts'

/** One number, with its course behind it; or the names of the series. */
export function drawNumber({ panel, lines, span, box }: Plot): string {
  const defaults: Defaults = panel.fieldConfig?.defaults ?? {}
  const [line] = lines
  if (!line) return `<div class="value">${escape(defaults.noValue ?? '')}</div>`
  if (panel.options?.textMode === 'name')
    return `<div class="value words" style="color:${colourNamed('blue')}">${escape(line.name)}</div>`
  const value = lastOf(line)
  const step = defaults.thresholds?.steps.findLast((one) => value >= (one.value ?? -Infinity))
  const colour = colourNamed(step?.color ?? 'green')
  const words = defaults.mappings?.[0]?.options[String(value)]?.text
  const shown = words ?? format(value, unitOf(panel))
  const size = Math.min(30, (box.width / shown.length) * 1.5).toFixed(0)
  const head = `<div class="value" style="color:${colour};font-size:${size}px">${escape(shown)}</div>`
  if (panel.options?.graphMode !== 'area') return head
  const highest = Math.max(...line.points.map(([, one]) => one), 1e-9)
  const x = (at: number) => ((at - span.from) / (span.to - span.from)) * box.width
  const y = (one: number) => 34 - (one / highest) * 32
  const points = line.points.map(([at, one]) => `${x(at).toFixed(1)},${y(one).toFixed(1)}`)
  const floor = [
    `${x(line.points.at(-1)![0]).toFixed(1)},34`,
    `${x(line.points[0]![0]).toFixed(1)},34`,
  ]
  const spark =
    tag('polygon', {
      points: [...points, ...floor].join(' '),
      fill: colour,
      'fill-opacity': '0.15',
    }) +
    tag('polyline', { points: points.join(' '), stroke: colour, class: 'line', opacity: '0.7' })
  return `${head}<div class="spark">${svg({ width: box.width, height: 34 }, spark)}</div>`
}
