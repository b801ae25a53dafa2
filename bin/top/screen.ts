import type { Line, Style } from './text.ts'
import type { Size } from './view.ts'

const codes: Record<Style, number> = {
  bold: 1,
  dim: 2,
  inverse: 7,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
}

const escape = '\u001b['

/** What a person pressed, by the name of the key. */
const keyNames: Readonly<Record<string, string>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\r': 'enter',
  '\n': 'enter',
  '\u001b': 'escape',
  '\u0003': 'quit',
  '\u0004': 'quit',
}

// oxlint-disable-next-line no-control-regex -- keys that send more than one character
const keyPattern = /\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[^]/gu

/** The keys in what the terminal sent. */
export const keysIn = (text: string): string[] =>
  (text.match(keyPattern) ?? []).map((key) => keyNames[key] ?? key)

/** A terminal taken over: its second screen, key by key. `close` gives it back as it was. */
export class Screen {
  readonly #onKey: (key: string) => void
  readonly #onResize: () => void
  readonly #hasColor = process.stdout.hasColors?.() ?? false
  #shown = ''
  #isOpen = false

  constructor(onKey: (key: string) => void, onResize: () => void) {
    this.#onKey = onKey
    this.#onResize = onResize
  }

  get size(): Size {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#shown = ''
    process.stdout.write(`${escape}?1049h${escape}?25l`)
    process.stdin.setRawMode(true).on('data', this.#read).resume()
    process.stdout.on('resize', this.#resized)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.stdout.off('resize', this.#resized)
    process.stdin.off('data', this.#read).pause().setRawMode(false)
    process.stdout.write(`${escape}?25h${escape}?1049l`)
  }

  /** Shows the lines, if they are not there already. */
  draw(lines: readonly Line[]): void {
    const text = lines.map((line) => this.#paint(line) + `${escape}K`).join('\r\n')
    if (!this.#isOpen || text === this.#shown) return
    this.#shown = text
    process.stdout.write(`${escape}H${text}${escape}J`)
  }

  #paint(line: Line): string {
    return line
      .map(({ text, style }) => {
        if (style === undefined || (!this.#hasColor && codes[style] >= 30)) return text
        return `${escape}${codes[style]}m${text}${escape}0m`
      })
      .join('')
  }

  readonly #read = (chunk: Buffer): void => {
    for (const key of keysIn(chunk.toString('utf8'))) this.#onKey(key)
  }

  readonly #resized = (): void => {
    this.#shown = ''
    this.#onResize()
  }
}
