import type { Span } from './data.ts'
import { format, stepOf } from './format.ts'
import type { Box } from './svg.ts'
import { tag, text } from './svg.ts'

const left = 66
const bottom = 20
const top = 6
const right = 8

/** Where things are in a plot. */
export type Axes = {
  x: (at: number) => number
  y: (value: number) => number
  /** The lines and words of both axes. */
  drawn: string
}

/** Axes of a plot whose values go from 0 to `max`. */
export function axes(box: Box, span: Span, max: number, unit: string): Axes {
  const step = stepOf(max > 0 ? max : 1, unit)
  const highest = Math.max(step, Math.ceil((max * 0.999) / step) * step)
  const { x, drawn } = timeAxis(box, span)
  const y = (value: number) => box.height - bottom - (value / highest) * (box.height - bottom - top)
  const lines: string[] = []
  for (let value = 0; value <= highest * 1.001; value += step) {
    lines.push(
      tag('line', { x1: left, x2: box.width - right, y1: y(value), y2: y(value), class: 'grid' }),
    )
    lines.push(text(left - 6, y(value) + 4, format(value, unit), { class: 'tick end' }))
  }
  return { x, y, drawn: `${lines.join('')}${drawn}` }
}

/** The axis below: a line and a time each minute or so. */
export function timeAxis(box: Box, { from, to }: Span, margin = left): Pick<Axes, 'x' | 'drawn'> {
  const x = (at: number) => margin + ((at - from) / (to - from)) * (box.width - margin - right)
  const fits = Math.max(1, Math.floor((box.width - margin) / 70))
  const every = [15, 30, 60, 120, 300, 600].find((one) => (to - from) / one <= fits) ?? 1200
  const marks: string[] = []
  for (let at = Math.ceil(from / every) * every; at <= to; at += every) {
    marks.push(
      tag('line', { x1: x(at), x2: x(at), y1: top, y2: box.height - bottom, class: 'grid' }),
    )
    const clock = new Date(at * 1000).toISOString().slice(11, every < 60 ? 19 : 16)
    if (x(at) < box.width - 22 && x(at) > margin + 10)
      marks.push(text(x(at), box.height - 4, clock, { class: 'tick middle' }))
  }
  return { x, drawn: marks.join('') }
}
