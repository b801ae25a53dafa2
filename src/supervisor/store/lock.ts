import { DatabaseSync } from 'node:sqlite'

/** A lock that the kernel holds for this process and frees when it dies, however it dies. */
export type Lock = { release(): void }

/**
 * Takes the lock, or answers null at once when another process has it. The file must never be
 * opened by other means in this process: closing any descriptor of it would drop the lock.
 */
export function takeLock(file: string): Lock | null {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
  return { release: () => database.close() }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === 5
