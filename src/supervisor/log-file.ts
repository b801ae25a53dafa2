import { closeSync, fstatSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf } from './domain/error.ts'

export type LogLimits = {
  /** Size at which a file is put aside. */
  bytes: number
  /** Files in all, the one that grows among them. */
  files: number
}

/**
 * Lines of a log in a file of bounded size: a full one is put aside as `.1`, that one as `.2` and so
 * on, and the last is deleted; so are those that a larger limit of before has left. A line that cannot be written is dropped and counted: a full disk must
 * end nothing.
 */
export class LogFile {
  readonly #path: string
  readonly #limits: () => LogLimits
  #fd: number | undefined
  #size = 0
  /** The limit of files that was last seen. */
  #files: number | undefined
  #dropped = 0
  /** What is to be written together with what follows. */
  #held: Buffer[] | null = null

  constructor(path: string, limits: () => LogLimits) {
    this.#path = path
    this.#limits = limits
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#held) this.#held.push(bytes)
    else this.#writeAll([bytes])
  }

  /** The lines that `work` writes leave together. */
  together(work: () => void): void {
    const held: Buffer[] = []
    this.#held = held
    try {
      work()
    } finally {
      this.#held = null
      for (const lines of inPieces(held, this.#limits().bytes)) this.#writeAll(lines)
    }
  }

  #writeAll(lines: readonly Buffer[]): void {
    const bytes = Buffer.concat(lines)
    try {
      this.#makeRoom(bytes.length)
      const file = this.#open()
      if (this.#dropped > 0) this.#append(file, Buffer.from(missing(this.#dropped)))
      this.#dropped = 0
      this.#append(file, bytes)
    } catch {
      this.#dropped += lines.length
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open(): number {
    if (this.#fd === undefined) {
      this.#fd = openSync(this.#path, 'a', 0o600)
      this.#size = fstatSync(this.#fd).size
    }
    return this.#fd
  }

  #append(file: number, bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from)
    this.#size += bytes.length
  }

  #makeRoom(bytes: number): void {
    const limits = this.#limits()
    if (limits.files !== this.#files) {
      removeFrom(this.#path, limits.files)
      this.#files = limits.files
    }
    this.#open()
    if (this.#size === 0 || this.#size + bytes <= limits.bytes) return
    this.close()
    rmSync(setAside(this.#path, limits.files - 1), { force: true })
    for (let n = limits.files - 1; n >= 1; n--) moveUp(this.#path, n)
  }
}

/** Lines in pieces that fit into one file; a line that is longer is one of its own. */
function inPieces(lines: readonly Buffer[], limit: number): Buffer[][] {
  const pieces: Buffer[][] = []
  let size = 0
  for (const line of lines) {
    const last = pieces.at(-1)
    const fits = last !== undefined && size + line.length <= limit
    if (fits) last.push(line)
    else pieces.push([line])
    size = (fits ? size : 0) + line.length
  }
  return pieces
}

const missing = (count: number): string =>
  `${JSON.stringify({ time: new Date().toISOString(), level: 'warn', component: 'log', msg: `${count} lines could not be written and are lost` })}\n`

/** Where a log was put aside; 0: where it grows. */
export const setAside = (path: string, n: number): string => (n === 0 ? path : `${path}.${n}`)

/** Deletes what was put aside as number `first` or a higher one. */
function removeFrom(path: string, first: number): void {
  const start = `${basename(path)}.`
  for (const name of readdirSync(dirname(path))) {
    const number = name.startsWith(start) ? name.slice(start.length) : ''
    if (/^[1-9]\d*$/.test(number) && Number(number) >= first)
      rmSync(join(dirname(path), name), { force: true })
  }
}

function moveUp(path: string, n: number): void {
  try {
    renameSync(setAside(path, n - 1), setAside(path, n))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
