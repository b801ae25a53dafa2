import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { invalid, SquadError } from '../domain/error.ts'
import type { Connection } from './sqlite.ts'
import { corrupt, storeError } from './sqlite.ts'
import { rows } from './statement.ts'

/** What a worker thread needs to call `copyStore`. */
export const backupModule = import.meta.url

export type CopyOrder = { from: string; to: string }

// All of it in one step: a copy in several would begin anew with each commit meanwhile.
const everyPage = 2_000_000_000

/**
 * Copies a store to a new file, while others read and write it: one consistent moment, checked
 * whole, mode 0600, on the disk when it resolves. Throws SQUADD_CONFLICT when `to` is there,
 * SQUADD_INVALID, SQUADD_STORE_CORRUPT, SQUADD_STORE_FAILED; then there is no copy.
 */
export async function copyStore({ from, to }: CopyOrder): Promise<void> {
  if (existsSync(to))
    throw new SquadError('SQUADD_CONFLICT', `${to} is there already`, { hint: 'name a new file' })
  if (!existsSync(dirname(to)))
    throw invalid('file', to, 'is in a folder that is not there', 'make the folder first')
  const partial = `${to}.partial`
  try {
    createPrivate(partial)
    const source = new DatabaseSync(from, { readOnly: true, timeout: 2000 })
    try {
      await backup(source, partial, { rate: everyPage })
    } finally {
      source.close()
    }
    settle(partial)
    chmodSync(partial, 0o600)
    publish(partial, to)
  } catch (error) {
    rmSync(partial, { force: true })
    throw storeError(error, from)
  }
}

/** Makes one file of it, without a write-ahead log beside, and looks whether it is sound. */
function settle(file: string): void {
  const copy = new DatabaseSync(file)
  try {
    copy.exec('pragma journal_mode = delete')
    const [found] = copy.prepare('pragma integrity_check(1)').all()
    const answer = found?.['integrity_check']
    if (answer !== 'ok') throw corrupt(file, `its copy is damaged: ${String(answer)}`)
  } finally {
    copy.close()
  }
}

/** A copy has its own name only when it is whole and on the disk. */
function publish(partial: string, to: string): void {
  sync(partial)
  renameSync(partial, to)
  sync(dirname(to))
}

/**
 * Copies the store of an open connection, at once, before `version` changes its tables. When that fails
 * there is no copy.
 */
export function copyBefore(version: number, connection: Connection, now: number): void {
  const folder = join(dirname(connection.file), 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, backupName(`before-v${version}`, now))
  const partial = `${file}.partial`
  try {
    createPrivate(partial)
    connection.run(rows('vacuum into ?1', partial))
    publish(partial, file)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

/** `squadd-2026-11-24T18-05-07.123Z.db`; a copy that was made before a change: `before-v3-…`. */
export const backupName = (kind: string, at: number): string =>
  `${kind}-${new Date(at).toISOString().replaceAll(':', '-')}.db`

function createPrivate(file: string): void {
  rmSync(file, { force: true })
  closeSync(openSync(file, 'wx', 0o600))
}

/** Brings a file, or the names in a folder, to the disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
