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
  let text = ''
  let since = performance.now()
  for (const { name, help, type, starts, values, exemplars } of families) {
    // There a counter is called without the end of its series' names.
    const called = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name
    text += `# HELP ${called} ${help}\n# TYPE ${called} ${type}\n`
    text += isOpen && exemplars ? withExemplars(starts, values, exemplars) : lines(starts, values)
    if (performance.now() - since < sliceMs) continue
    await nextTurn()
    since = performance.now()
  }
  return isOpen ? `${text}# EOF\n` : text
}

/** What was written last for the same series. */
const written = new WeakMap<readonly string[], { values: readonly number[]; text: string }>()

function lines(starts: readonly string[], values: readonly number[]): string {
  const last = written.get(starts)
  if (last && values.every((value, i) => value === last.values[i])) return last.text
  let text = ''
  for (let i = 0; i < starts.length; i++) text += `${starts[i]}${numeral(values[i]!)}\n`
  written.set(starts, { values, text })
  return text
}

function withExemplars(
  starts: readonly string[],
  values: readonly number[],
  exemplars: NonNullable<Family['exemplars']>,
): string {
  let text = ''
  for (let i = 0; i < starts.length; i++)
    text += `${starts[i]}${numeral(values[i]!)}${trailer(exemplars[i])}\n`
  return text
}

const numeral = (value: number): number | string =>
  value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : value

const trailer = (exemplar: Exemplar | undefined): string =>
  exemplar ? ` # {task_id="${exemplar.taskId}"} ${exemplar.value} ${exemplar.at}` : ''

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
