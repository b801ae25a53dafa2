import type { PanelFile } from '../support/dashboards.ts'
import { axes, timeAxis } from './axes.ts'
import { colourNamed } from './colours.ts'
import type { Line, Span } from './data.ts'
import { lastOf } from './data.ts'
import { format } from './format.ts'
import type { Box } from './svg.ts'
import { escape, svg, tag, text } from './svg.ts'

export type Plot = { panel: PanelFile; lines: Line[]; span: Span; box: Box }

type Defaults = NonNullable<PanelFile['fieldConfig']>['defaults']

const unitOf = ({ fieldConfig }: PanelFile): string => fieldConfig?.defaults.unit ?? 'short'

/** Long legends have a second line. */
const legendHeight = (entries: readonly { name: string }[], width: number): number =>
  entries.reduce((sum, { name }) => sum + 32 + name.length * 6.6, 0) > width ? 36 : 22

const legend = (entries: readonly { name: string; colour: string }[]): string =>
  `<div class="legend">${entries
    .map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escape(name)}</span>`)
    .join('')}</div>`

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

/** A band for each series, in the colour of what it was. */
export function drawTimeline({ panel, lines, span, box: { width, height } }: Plot): string {
  const box = { width, height: height - 22 }
  const states = panel.fieldConfig?.defaults.mappings?.[0]?.options ?? {}
  const { x, drawn } = timeAxis(box, span, 74)
  const sorted = lines.toSorted((a, b) => a.name.localeCompare(b.name))
  const row = (box.height - 26) / sorted.length
  const seen = new Set<string>()
  const bands = sorted.flatMap(({ name, points }, index) => {
    const y = 6 + index * row
    const runs: { value: number; from: number; to: number }[] = []
    for (const [at, value] of points) {
      const last = runs.at(-1)
      if (last?.value === value && at - last.to <= 10) last.to = at
      else {
        if (last && at - last.to <= 10) last.to = at
        runs.push({ value, from: at, to: at })
      }
    }
    return [
      text(66, y + row / 2 + 4, name, { class: 'tick end' }),
      ...runs.map(({ value, from, to }) => {
        seen.add(String(value))
        const state = states[String(value)]
        const wide = Math.max(x(to) - x(from), 2)
        const fill = colourNamed(state?.color ?? 'text')
        const band = tag('rect', {
          x: x(from),
          y: y + 2,
          width: wide,
          height: row - 4,
          fill,
          'fill-opacity': '0.85',
        })
        const words = state?.text ?? ''
        const fits = wide > words.length * 7 + 8 && row >= 15
        return band + (fits ? text(x(from) + 5, y + row / 2 + 4, words, { class: 'band' }) : '')
      }),
    ]
  })
  const entries = Object.entries(states)
    .filter(([value]) => seen.has(value))
    .map(([, { text: name, color = 'text' }]) => ({ name, colour: colourNamed(color) }))
  return svg(box, drawn + bands.join('')) + legend(entries)
}
