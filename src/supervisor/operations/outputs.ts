import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputFacts } from '../policy/retention.ts'

/** What an attempt has left, and in which files. */
type Output = OutputFacts & { names: readonly string[] }

// What was written so lately may be written to again.
const youngMs = 600_000

/**
 * What attempts have left in a folder. It looks at a file again only while that is young, or after
 * something was heard of its task: of all others it remembers what it has seen.
 */
export class Outputs {
  readonly #dir: string
  #seen = new Map<string, Output>()
  /** Tasks of which something was heard since the last look. */
  #heard = new Set<string>()

  constructor(dir: string) {
    this.#dir = dir
  }

  /** An attempt of the task has ended: it has written since. */
  heard(taskId: string): void {
    this.#heard.add(taskId)
  }

  /** All that is there. */
  async look(now: number): Promise<Output[]> {
    const files = filesByKey(await readdir(this.#dir))
    const before = this.#seen
    const heard = this.#heard
    this.#heard = new Set()
    const found = new Map<string, Output>()
    for (const [key, names] of files) {
      const known = before.get(key)
      const isSettled = known && now - known.writtenAt > youngMs && !heard.has(key.split('-')[0]!)
      const output =
        isSettled && isSame(known.names, names) ? known : await this.#examine(key, names)
      if (output) found.set(key, output)
    }
    this.#seen = found
    return [...found.values()]
  }

  /** A file that goes meanwhile is left out. */
  async #examine(key: string, names: readonly string[]): Promise<Output | null> {
    const files = names.map((name) => stat(join(this.#dir, name)).catch(() => null))
    const there = (await Promise.all(files)).filter((one) => one !== null)
    if (there.length === 0) return null
    return {
      ...{ key, names },
      bytes: there.reduce((sum, { size }) => sum + size, 0),
      writtenAt: Math.max(0, ...there.map(({ mtimeMs }) => mtimeMs)),
    }
  }
}

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((one, i) => one === others[i])

/** The files of each attempt: `<key>.log.<n>`. */
function filesByKey(names: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const name of names) {
    const [, key] = /^(t\d+-\d+)\.log\.\d+$/.exec(name) ?? []
    if (key === undefined) continue
    const others = found.get(key)
    if (others) others.push(name)
    else found.set(key, [name])
  }
  return found
}
