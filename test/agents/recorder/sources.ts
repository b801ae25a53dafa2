import { globSync, readFileSync, renameSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import type { Recording } from './recording.ts'
import type { Terminal } from './terminal.ts'

/** Reads what hooks have left in the outbox: files that appear whole, `EVENT.PID.json`. */
export function readOutbox(outbox: string, recording: Recording): void {
  const files = globSync(join(outbox, '*.json')).map((file) => ({
    file,
    at: statSync(file).mtimeMs,
  }))
  for (const { file, at } of files.toSorted((a, b) => a.at - b.at)) {
    recording.add('hook', basename(file).split('.')[0]!, parsed(readFileSync(file, 'utf8')), at)
    renameSync(file, `${file}.read`)
  }
}

/** Follows files to which a program appends lines of JSON. */
export class Tail {
  readonly #pattern: string
  readonly #padding: RegExp
  readonly #offsets = new Map<string, number>()

  /** `padding`: lines that are left out. */
  constructor(pattern: string, padding: RegExp) {
    this.#pattern = pattern
    this.#padding = padding
  }

  read(recording: Recording): void {
    for (const file of globSync(this.#pattern)) {
      const from = this.#offsets.get(file) ?? 0
      if (statSync(file).size <= from) continue
      const news = readFileSync(file).subarray(from)
      const end = news.lastIndexOf('\n') + 1
      this.#offsets.set(file, from + end)
      for (const line of news.toString('utf8', 0, end).split('\n'))
        if (line !== '' && !this.#padding.test(line))
          recording.add('transcript', basename(file), parsed(line))
    }
  }
}

/** Follows files that a program overwrites. */
export class Snapshots {
  readonly #pattern: string
  readonly #seen = new Map<string, string>()

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  read(recording: Recording): void {
    for (const file of globSync(this.#pattern)) {
      const text = readFileSync(file, 'utf8')
      if (text === '' || this.#seen.get(file) === text) continue
      this.#seen.set(file, text)
      recording.add('status', basename(file), essential(parsed(text)))
    }
  }
}

/** Follows title and life of a program's pane. */
export class Pane {
  readonly #terminal: Terminal
  #title = ''
  #dead = false
  #looks = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  async read(recording: Recording): Promise<void> {
    const { title, death } = await this.#terminal.look()
    if (steady(title) !== steady(this.#title))
      recording.add('title', null, title === hostname() ? 'host' : title.trim())
    this.#title = title
    if (death === null || this.#dead) return
    // tmux knows that the pane is dead a little before it knows how it died.
    const known = death.status !== null || death.signal !== null
    if (!known && ++this.#looks < 20) return
    this.#dead = true
    recording.add('process', 'exit', death)
  }
}

/** A spinner turns; that is no news. */
const steady = (title: string): string =>
  title.replace(/[⠀-⣿◐-◓]/gu, '⠿').replace(/^\[ . \]/, '[ ! ]')

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A status without what stays the same. */
function essential(status: unknown): unknown {
  if (typeof status !== 'object' || status === null) return status
  const constant = /^(peer|asks|messaging|name|pidDomain)/
  return Object.fromEntries(Object.entries(status).filter(([key]) => !constant.test(key)))
}
