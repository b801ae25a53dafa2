import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Exemplar, Family } from './series.ts'

export const formats = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const
export type Format = keyof typeof formats

// So much is written before others get their turn.
const sliceMs = 5

/**
 * Writes metrics in a format of Prometheus, a slice at a time, as the bytes that are sent. Exemplars are
 * OpenMetrics' alone.
 */
export async function write(families: Iterable<Family>, format: Format): Promise<Uint8Array> {
  const isOpen = format === 'openMetrics'
  const parts: Buffer[] = []
  let since = performance.now()
  for (const family of families) {
    const { name, help, type, exemplars } = family
    // There a counter is called without the end of its series' names.
    const called = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name
    parts.push(Buffer.from(`# HELP ${called} ${help}\n# TYPE ${called} ${type}\n`))
    parts.push(isOpen && exemplars ? lines(family, exemplars) : knownLines(family))
    if (performance.now() - since < sliceMs) continue
    await nextTurn()
    since = performance.now()
  }
  if (isOpen) parts.push(Buffer.from('# EOF\n'))
  return Buffer.concat(parts)
}

/** What was written last for the same series. */
const written = new WeakMap<Family['starts'], { values: Family['values']; bytes: Buffer }>()

function knownLines(family: Family): Buffer {
  const { starts, values } = family
  const last = written.get(starts)
  if (last && values.every((value, i) => value === last.values[i])) return last.bytes
  const bytes = lines(family)
  written.set(starts, { values, bytes })
  return bytes
}

function lines({ starts, values }: Family, exemplars?: Family['exemplars']): Buffer {
  let text = ''
  for (let i = 0; i < starts.length; i++)
    text += exemplars
      ? `${starts[i]}${numeral(values[i]!)}${trailer(exemplars[i])}\n`
      : `${starts[i]}${numeral(values[i]!)}\n`
  return Buffer.from(text)
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
