import stringWidth from 'string-width'
import { oneLine } from '../../src/supervisor/domain/text.ts'

export type Style = 'bold' | 'dim' | 'inverse' | 'red' | 'green' | 'yellow' | 'cyan'
export type Span = { text: string; style?: Style }
export type Line = readonly Span[]

const graphemes = new Intl.Segmenter()
const ascii = /^[\x20-\x7e]*$/

const columnsOf = (text: string): number => (ascii.test(text) ? text.length : stringWidth(text))

/** Text of an agent as one harmless line. */
export const harmless = (text: string): string => oneLine(text.slice(0, 4000))

/** At most so many columns of the terminal; a mark says that there was more. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text
  if (ascii.test(text)) return columns > 0 ? `${text.slice(0, columns - 1)}…` : ''
  let kept = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += columnsOf(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return columns > 0 ? `${kept}…` : ''
}

/** Exactly so many columns. */
export function cell(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const fitted = fit(text, columns)
  const space = ' '.repeat(columns - columnsOf(fitted))
  return align === 'left' ? fitted + space : space + fitted
}

export const widthOf = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map((text) => columnsOf(text)))

/** A line cut at so many columns. */
export function fitLine(line: Line, columns: number): Line {
  const spans: Span[] = []
  let left = columns
  for (const span of line) {
    const text = fit(span.text, left)
    if (text !== '') spans.push({ ...span, text })
    left -= columnsOf(text)
    if (left <= 0) break
  }
  return spans
}

export const plainText = (line: Line): string => line.map(({ text }) => text).join('')

/** How long, in four columns at most: `12s`, `59m`, `47h`, `12d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `310M`, `1.2G`; nothing is a dash. */
export function memory(bytes: number): string {
  if (bytes === 0) return '-'
  const mib = bytes / 1_048_576
  if (mib < 1) return '<1M'
  return mib < 1000 ? `${Math.round(mib)}M` : `${(mib / 1024).toFixed(1)}G`
}

/** `$0.42`, `$1234`; nothing is a dash. */
export function cost(usd: number): string {
  if (usd === 0) return '-'
  return usd < 100 ? `$${usd.toFixed(2)}` : `$${Math.round(usd)}`
}
