import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Exemplar, Family } from './series.ts'

export const formats = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const
export type Format = keyof typeof formats

// So much is written before others get their turn.
const sliceMs = 5

/** Writes metrics in a format of Prometheus, a slice at a time. Exemplars are OpenMetrics' alone. */
export async function write(families: Iterable<Family>, format: Format): Promise<string> {
  const isOpen = format === 'openMetrics'
  const parts: string[] = []
  let since = performance.now()
  for (const family of families) {
    const { name, help, type } = family
    // There a counter is called without the end of its series' names.
    const called = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name
    let text = `# HELP ${called} ${help}\n# TYPE ${called} ${type}\n`
    for (const { start, value, exemplar } of await family.samples())
      text += `${start}${numeral(value)}${isOpen && exemplar ? trailer(exemplar) : ''}\n`
    parts.push(text)
    if (performance.now() - since < sliceMs) continue
    await nextTurn()
    since = performance.now()
  }
  return `${parts.join('')}${isOpen ? '# EOF\n' : ''}`
}

function numeral(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

const trailer = ({ taskId, value, at }: Exemplar): string =>
  ` # {task_id="${taskId}"} ${value} ${at}`

/** The format that a client's `Accept` header likes best; text where it does not care. */
export function formatFor(accept = ''): Format {
  const likes = accept.split(',').map((one) => {
    const [type = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase())
    const quality = parameters.find((part) => part.startsWith('q='))
    return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 }
  })
  const best = (...types: string[]) =>
    Math.max(0, ...likes.filter(({ type }) => types.includes(type)).map(({ quality }) => quality))
  const open = best('application/openmetrics-text')
  return open > 0 && open >= best('text/plain', 'text/*') ? 'openMetrics' : 'text'
}
