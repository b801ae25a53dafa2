import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'

export type Source =
  | 'hook'
  | 'status'
  | 'transcript'
  | 'title'
  | 'screen'
  | 'key'
  | 'process'
  | 'stdout'
  | 'stderr'

/** `at`: milliseconds since the first prompt was pasted. */
export type Line = { at: number; source: Source; name?: string; data: unknown }

/** What came from one run of a program, in order. */
export class Recording {
  readonly lines: Line[] = []
  readonly #names: [real: string, neutral: string][]
  readonly #news = new EventEmitter().setMaxListeners(0)
  #zero: number | null = null
  /** When the last line came; monotonic. */
  lastAt = performance.now()

  /** `names`: what stands for the folders and addresses of this machine. */
  constructor(names: Record<string, string>) {
    this.#names = Object.entries(names).toSorted(([a], [b]) => b.length - a.length)
  }

  /** From here on time counts; the first call decides. */
  begin(): void {
    this.#zero ??= Date.now()
  }

  add(source: Source, name: string | null, data: unknown, at = Date.now()): void {
    this.lines.push({ at, source, ...(name !== null && { name }), data })
    this.lastAt = performance.now()
    this.#news.emit('line')
  }

  /** Waits for a line after `from` that fits; false when there is none in time. */
  async until(fits: (line: Line) => boolean, from: number, limitMs: number): Promise<boolean> {
    const signal = AbortSignal.timeout(limitMs)
    try {
      while (!this.lines.slice(from).some(fits)) await once(this.#news, 'line', { signal })
      return true
    } catch {
      return false
    }
  }

  save(file: string): void {
    const zero = this.#zero ?? this.lines[0]?.at ?? 0
    const raw = this.lines
      .map((line) => ({ ...line, at: Math.round(line.at - zero) }))
      .toSorted((a, b) => a.at - b.at)
      .map((line) => JSON.stringify(line))
      .join('\n')
    // Cut last: half a path would not be recognized.
    const lines = this.#neutral(raw).split('\n').map(shortened)
    writeFileSync(file, `${lines.join('\n')}\n`)
  }

  #neutral(text: string): string {
    for (const [real, neutral] of this.#names) {
      text = text.replaceAll(real, neutral)
      // Claude and Gemini name folders after paths.
      text = text.replaceAll(real.replace(/[^a-zA-Z0-9]/g, '-'), neutral.replaceAll('/', '-'))
    }
    const ids: string[] = []
    return text.replace(
      /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
      (id) => {
        if (!ids.includes(id)) ids.push(id)
        return `00000000-0000-4000-8000-${String(ids.indexOf(id) + 1).padStart(12, '0')}`
      },
    )
  }
}

const longest: Partial<Record<Source, number>> = { transcript: 400, screen: 6_000 }
const mostItems = 6

function shortened(text: string): string {
  const line = JSON.parse(text) as Line
  return JSON.stringify({ ...line, data: cut(line.data, longest[line.source] ?? 1_000) })
}

/** The same with long texts and lists cut. */
export function cut(value: unknown, length: number): unknown {
  if (typeof value === 'string' && value.length > length)
    return `${value.slice(0, length)}…[cut: ${value.length} characters]`
  if (Array.isArray(value)) {
    const kept = value.slice(0, mostItems).map((item) => cut(item, length))
    return value.length > mostItems ? [...kept, `…[cut: ${value.length} items]`] : kept
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner, length)]))
}
