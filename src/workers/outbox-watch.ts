import { mkdirSync, statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename } from 'node:path'
import type { OutboxWatch } from '../supervisor/domain/ports.ts'

const rearmMs = { first: 50, longest: 30_000 }

/**
 * Watches outboxes with this process's one inotify instance. A folder that vanishes is made again;
 * where watching fails it is tried again, and `onFacts(null)` asks for a look each time. With
 * `background` it does not keep the process alive.
 */
export function createOutboxWatch({ background = false } = {}): OutboxWatch {
  return {
    watch(dir, onFacts) {
      const folder = new WatchedFolder(dir, onFacts, background)
      folder.arm()
      return () => folder.close()
    },
  }
}

class WatchedFolder {
  readonly #dir: string
  readonly #onFacts: (names: string[] | null) => void
  readonly #isBackground: boolean
  #watcher: FSWatcher | null = null
  #inode = 0
  #names = new Set<string>()
  #pending: NodeJS.Immediate | null = null
  #timer: NodeJS.Timeout | null = null
  #rearmMs = rearmMs.first

  constructor(dir: string, onFacts: (names: string[] | null) => void, isBackground: boolean) {
    this.#dir = dir
    this.#onFacts = onFacts
    this.#isBackground = isBackground
  }

  arm(): void {
    this.#timer = null
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
      this.#watcher = watch(this.#dir, (_, name) => this.#seen(name))
      this.#watcher.on('error', () => this.#lose())
      if (this.#isBackground) this.#watcher.unref()
      this.#inode = statSync(this.#dir).ino
      this.#rearmMs = rearmMs.first
    } catch {
      this.#lose()
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
    if (this.#timer) clearTimeout(this.#timer)
    if (this.#pending) clearImmediate(this.#pending)
  }

  #seen(name: string | null): void {
    // The folder's own end comes under the folder's own name, and nothing comes after it.
    if (name === null || name === basename(this.#dir)) {
      if (this.#isSameFolder()) this.#onFacts(null)
      else this.#replace()
      return
    }
    // One write is several events: they are told together, in the same turn of the loop.
    this.#names.add(name)
    this.#pending ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    const names = [...this.#names]
    this.#names.clear()
    this.#pending = null
    this.#onFacts(names)
  }

  #replace(): void {
    this.#watcher?.close()
    this.#watcher = null
    this.arm()
    this.#onFacts(null)
  }

  #lose(): void {
    this.#watcher?.close()
    this.#watcher = null
    this.#timer ??= setTimeout(() => {
      this.arm()
      this.#onFacts(null)
    }, this.#rearmMs)
    this.#timer.unref()
    this.#rearmMs = Math.min(2 * this.#rearmMs, rearmMs.longest)
  }

  #isSameFolder(): boolean {
    return statSync(this.#dir, { throwIfNoEntry: false })?.ino === this.#inode
  }
}
