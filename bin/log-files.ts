import { watch } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { setAside } from '../src/supervisor/api/local.ts'
import type { LogPlace } from '../src/supervisor/operations/log-tail.ts'

// Between putting a full file aside and making a new one the writer does nothing else.
const newFileWithinMs = 2000

/**
 * What is written to a log after `place`, line by line, wherever it is put aside to, until `signal`
 * aborts. The kernel tells of each write: nothing is looked at again and again.
 */
export async function* followLines(
  path: string,
  { file, position }: LogPlace,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const news = new News()
  signal?.addEventListener('abort', () => news.tell())
  let decoder = new TextDecoder()
  let rest = ''
  let watcher = watch(path, () => news.tell())
  try {
    for (;;) {
      const heard = news.count
      const bytes = await readFrom(file, position)
      position += bytes.length
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines.filter((line) => line !== '')
      if (signal?.aborted) return
      if (bytes.length > 0) continue
      const next = await fileAfter(path, file)
      if (!next) {
        await news.after(heard)
        continue
      }
      watcher.close()
      await file.close()
      file = next.file
      position = 0
      decoder = new TextDecoder()
      // By then it may be another one that grows: the next look finds that out.
      watcher = watch(next.path, () => news.tell())
    }
  } finally {
    watcher.close()
    await file.close()
  }
}

async function readFrom(file: FileHandle, position: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let end = position; ;) {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(65_536), position: end })
    if (bytesRead === 0) return Buffer.concat(chunks)
    chunks.push(buffer.subarray(0, bytesRead))
    end += bytesRead
  }
}

/** The file that was begun after this one; null while this is the one that grows. */
async function fileAfter(path: string, file: FileHandle) {
  const { ino } = await file.stat()
  const limit = Date.now() + newFileWithinMs
  for (;;) {
    const place = await placeOf(path, ino)
    if (place === 0) return null
    // Put aside further than there are files: what came between is gone.
    const next = setAside(path, place === undefined ? 0 : place - 1)
    try {
      return { path: next, file: await open(next, 'r') }
    } catch (error) {
      if (Date.now() > limit) throw error
      await pause(10)
    }
  }
}

/** How far a file was put aside: 0 is the one that grows. */
async function placeOf(path: string, ino: number): Promise<number | undefined> {
  for (let n = 0; n <= 100; n++) {
    const found = await stat(setAside(path, n)).catch(() => null)
    if (found?.ino === ino) return n
    if (!found && n > 0) return undefined
  }
  return undefined
}

/** Something that happens, told to one who waits and never lost. */
class News {
  count = 0
  #wake = () => {}

  tell(): void {
    this.count += 1
    this.#wake()
  }

  async after(count: number): Promise<void> {
    if (this.count === count) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}
