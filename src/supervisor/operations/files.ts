import { readdirSync, readlinkSync, statSync } from 'node:fs'

/** Names in a folder; none when it cannot be read. */
export function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** Where a link leads; nowhere when it is none, or cannot be read. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Size of a file; 0 when there is none. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
