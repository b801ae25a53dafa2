import type { Row } from '../row.ts'

const [width, height] = [860, 420]
const frame = { left: 60, right: 300, top: 24, bottom: 48 }
const inner = { width: width - frame.left - frame.right, height: height - frame.top - frame.bottom }
const colours = ['#0b6bcb', '#c2410c', '#15803d', '#7e22ce', '#b91c1c', '#0f766e']
const most = 2
const limit = 1.5

type Point = { x: number; ratio: number }

/** The ratio of each series over its sizes: a cost that does not grow is a flat line at 1. */
export function plot(rows: readonly Row[]): string {
  const series = new Map<string, Point[]>()
  for (const { point, ratio } of rows)
    if (point)
      series.set(point.series, [...(series.get(point.series) ?? []), { x: point.x, ratio }])
  const top = Math.max(...[...series.values()].flat().map(({ x }) => x), 10)
  const xOf = (x: number) => frame.left + (Math.log10(x) / Math.log10(top)) * inner.width
  const yOf = (ratio: number) => frame.top + (1 - Math.min(ratio, most) / most) * inner.height
  const decades = Array.from({ length: Math.floor(Math.log10(top)) + 1 }, (_, n) => 10 ** n)
  const lines = [
    ...decades.map((x) =>
      text(xOf(x), height - frame.bottom + 18, x.toLocaleString('en'), 'middle'),
    ),
    ...[0, 0.5, 1, 1.5, 2].map((ratio) =>
      text(frame.left - 8, yOf(ratio) + 4, String(ratio), 'end'),
    ),
    text(frame.left + inner.width / 2, height - 8, 'agents, or finished tasks', 'middle'),
    `<path d="M${frame.left} ${frame.top}v${inner.height}h${inner.width}" fill="none" stroke="#888"/>`,
    rule(yOf(1), '#888'),
    rule(yOf(limit), '#b91c1c'),
    text(frame.left + 6, yOf(limit) - 5, `the limit, ${limit}`, 'start'),
  ]
  for (const [nth, [name, points]] of [...series].entries()) {
    const colour = colours[nth % colours.length]!
    const at = points.map(({ x, ratio }) => `${xOf(x).toFixed(1)},${yOf(ratio).toFixed(1)}`)
    lines.push(
      `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...at.map((place) => {
        const [x, y] = place.split(',')
        return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`
      }),
      text(width - frame.right + 14, frame.top + 20 + nth * 22, name, 'start', colour),
    )
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...lines,
    '</svg>\n',
  ].join('\n')
}

const text = (x: number, y: number, words: string, anchor: string, colour = '#333'): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${words}</text>`

const rule = (y: number, colour: string): string =>
  `<path d="M${frame.left} ${y.toFixed(1)}h${inner.width}" stroke="${colour}" stroke-dasharray="4 4"/>`
