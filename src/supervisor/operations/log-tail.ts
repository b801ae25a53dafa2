import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { codeOf } from '../domain/error.ts'
import { setAside } from '../log-file.ts'

/** A file of a log, and how far it was read. */
export type LogPlace = { file: FileHandle; position: number }

const newline = 0x0a
const blockBytes = 65_536

/**
 * The last lines that are wanted, the oldest first, of a log and of what was put aside from it; and
 * where one who follows it goes on: `place.file` is the caller's to close. Reads from the end on back,
 * no further than it takes. Throws ENOENT when there is no log.
 */
export async function lastLines(
  path: string,
  count: number,
  isWanted: (line: string) => boolean = () => true,
): Promise<{ lines: string[]; place: LogPlace }> {
  const file = await open(path, 'r')
  try {
    const position = await endOfLines(file)
    const lines: string[] = []
    await collect(file, position, lines, count, isWanted)
    for (let n = 1; lines.length < count; n += 1) {
      const older = await openIfThere(setAside(path, n))
      if (!older) break
      try {
        await collect(older, await endOfLines(older), lines, count, isWanted)
      } finally {
        await older.close()
      }
    }
    return { lines: lines.reverse(), place: { file, position } }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The same for who does not follow it; none where there is no log. */
export async function tailOf(path: string, count: number): Promise<string[]> {
  try {
    const { lines, place } = await lastLines(path, count)
    await place.file.close()
    return lines
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Adds lines that end before `end`, the newest first, until there are `count`. */
async function collect(
  file: FileHandle,
  end: number,
  lines: string[],
  count: number,
  isWanted: (line: string) => boolean,
): Promise<void> {
  // What was read of the line that begins before the block.
  let rest: Buffer[] = []
  for (let from = end; from > 0 && lines.length < count;) {
    const length = Math.min(blockBytes, from)
    from -= length
    const block = await read(file, from, length)
    let to = block.length
    for (let at = block.lastIndexOf(newline); at >= 0; at = lastNewline(block, at)) {
      take(Buffer.concat([block.subarray(at + 1, to), ...rest]))
      if (lines.length >= count) return
      rest = []
      to = at
    }
    rest = [block.subarray(0, to), ...rest]
    if (from === 0) take(Buffer.concat(rest))
  }

  function take(bytes: Buffer): void {
    const line = bytes.toString('utf8')
    if (line !== '' && isWanted(line)) lines.push(line)
  }
}

const lastNewline = (block: Buffer, before: number): number =>
  before === 0 ? -1 : block.lastIndexOf(newline, before - 1)

/** Where the last whole line ends: one that is being written belongs to what follows. */
async function endOfLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat()
  for (let from = size; from > 0;) {
    const length = Math.min(blockBytes, from)
    from -= length
    const at = (await read(file, from, length)).lastIndexOf(newline)
    if (at >= 0) return from + at + 1
  }
  return 0
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}
