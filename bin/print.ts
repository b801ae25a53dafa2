import { redact, redactAll } from '../src/supervisor/domain/redact.ts'
import { cut, oneLine, safeJson, sanitizeTerminal } from '../src/supervisor/domain/text.ts'

/** Every text that this process shows goes through here; only `raw` does not. */
const shown = (text: string): string => redact(sanitizeTerminal(text))

/** One line of data for people, without anything that a terminal would act upon. */
export function line(text: string): void {
  process.stdout.write(`${shown(text)}\n`)
}

/** Text for people as it is, but harmless. */
export function plain(text: string): void {
  process.stdout.write(shown(text))
}

/** A remark that is not data. */
export function note(text: string): void {
  process.stderr.write(`${shown(text)}\n`)
}

/** A value for programs: on one line, or indented where a person looks on. */
export function json(value: unknown): void {
  process.stdout.write(`${safeJson(redactAll(value), process.stdout.isTTY ? 2 : 0)}\n`)
}

/** A value of a stream for programs: always one line. */
export function jsonLine(value: unknown): void {
  process.stdout.write(`${safeJson(redactAll(value))}\n`)
}

/** Rows under their headings; the last column ends where the terminal does. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [headings.map((heading) => heading.toUpperCase()), ...rows].map((row) =>
    row.map(oneLine),
  )
  const widths = headings.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  const room = process.stdout.columns ?? Number.POSITIVE_INFINITY
  for (const row of cells) {
    const text = row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
    line(cut(text.trimEnd(), room))
  }
}

/** Names and values, one a line; empty values are left out. */
export function fields(pairs: Record<string, string | number | null | undefined>): void {
  const shown = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length))
  for (const [name, value] of shown)
    if (value !== '') line(`${name.padEnd(width)}  ${String(value).replaceAll('\n', '\n  ')}`)
}

/** Output of a program as it comes, harmless; a sequence that spans two chunks is still seen. */
export async function stream(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    const end = rest.length > longestLine ? rest.length : rest.lastIndexOf('\n') + 1
    await write(shown(rest.slice(0, end)))
    rest = rest.slice(end)
  }
  await write(shown(rest + decoder.decode()))
}

const longestLine = 1_000_000

/** Bytes as they are. */
export async function raw(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) await write(chunk)
}

async function write(chunk: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write(chunk, () => resolve()))
}
