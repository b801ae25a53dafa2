import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from '../home.ts'
import type { CopyOrder } from '../store/backup.ts'
import { backupName, copyStore } from '../store/backup.ts'
import { list, sizeOf } from './files.ts'

export { copyStore }

export type Backup = {
  file: string
  /** When it was made, ms since 1970. */
  at: number
  bytes: number
  /** It was made before a change of the tables: it stays. */
  isKept: boolean
}

const form = /^(squadd|before-v\d+)-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3}Z)\.db$/

/** The backups in a home, the newest first. */
export function listBackups({ backupsDir }: Pick<Home, 'backupsDir'>): Backup[] {
  const found = list(backupsDir).flatMap((name) => {
    const [, kind, day, hour, minute, second] = form.exec(name) ?? []
    if (kind === undefined) return []
    const at = Date.parse(`${day}T${hour}:${minute}:${second}`)
    const file = join(backupsDir, name)
    return [{ file, at, bytes: sizeOf(file), isKept: kind !== 'squadd' }]
  })
  return found.sort((a, b) => b.at - a.at)
}

/** Copies the store into the home's own folder. Throws what `copy` throws. */
export async function makeBackup(
  home: Home,
  now: number,
  copy: (order: CopyOrder) => Promise<void> = copyStore,
): Promise<Backup> {
  mkdirSync(home.backupsDir, { recursive: true, mode: 0o700 })
  const file = join(home.backupsDir, backupName('squadd', now))
  await copy({ from: home.storeFile, to: file })
  return { file, at: now, bytes: statSync(file).size, isKept: false }
}

/** Removes all but the newest `keep`; those before a change of the tables are not counted. */
export function trimBackups(home: Home, keep: number): void {
  const old = listBackups(home)
    .filter(({ isKept }) => !isKept)
    .slice(keep)
  for (const { file } of old) rmSync(file, { force: true })
}
