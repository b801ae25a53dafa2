import { timeAxis } from '../axes.ts'
import { colourNamed } from '../colours.ts'
import { svg, tag, text } from '../svg.ts'
import type { Plot } from './plot.ts'
import { legend } from './plot.ts'

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
