import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Fields } from './programs/fields.ts'
import { fieldsOf } from './programs/fields.ts'

/** Where a folder cannot be watched (it is not there yet, no inotify is left) it is looked at. */
const lookMs = 500

/** Tells when a file changes, appears or is replaced; only while a turn runs. */
export class FileFollow {
  readonly #path: string
  readonly #onChange: () => void
  #watcher: FSWatcher | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(path: string, onChange: () => void) {
    this.#path = path
    this.#onChange = onChange
    this.#arm()
  }

  close(): void {
    this.#watcher?.close()
    if (this.#timer) clearTimeout(this.#timer)
    this.#watcher = this.#timer = null
  }

  #arm(): void {
    this.#timer = null
    try {
      const name = basename(this.#path)
      this.#watcher = watch(dirname(this.#path), (_, changed) => {
        if (changed === name) this.#onChange()
      })
      this.#watcher.on('error', () => this.#retry())
    } catch {
      this.#retry()
    }
  }

  #retry(): void {
    this.close()
    this.#timer = setTimeout(() => {
      this.#arm()
      this.#onChange()
    }, lookMs)
  }
}

/** Reads the JSON lines that are added to a file. */
export class LineTail {
  readonly path: string
  offset: number

  constructor(path: string, offset: number) {
    this.path = path
    this.offset = offset
  }

  /** The whole lines that came since the last time; what is no JSON object is left out. */
  read(): Fields[] {
    const bytes = readFrom(this.path, this.offset)
    const end = bytes.lastIndexOf(10) + 1
    this.offset += end
    const lines = bytes.subarray(0, end).toString('utf8').split('\n')
    return lines.map(parse).filter((one) => one !== null)
  }
}

/** The object in a file, or null when there is none. */
export function readObject(path: string): Fields | null {
  return parse(readFrom(path, 0).toString('utf8'))
}

export function sizeOf(path: string): number {
  return withFile(path, (file) => fstatSync(file).size) ?? 0
}

function parse(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? fieldsOf(value) : null
  } catch {
    return null
  }
}

const readFrom = (path: string, offset: number): Buffer =>
  withFile(path, (file) => {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset))
  }) ?? Buffer.alloc(0)

function withFile<T>(path: string, use: (file: number) => T): T | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}
