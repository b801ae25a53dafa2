import { chmodSync, existsSync, lstatSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { SquadError } from '../domain/error.ts'
import type { Home } from '../home.ts'
import { foldersOf, prepareFolder, prepareHome } from '../home.ts'
import { takeLock } from '../store/lock.ts'
import { Connection } from '../store/sqlite.ts'
import { row } from '../store/statement.ts'
import { listBackups } from './backups.ts'
import { sizeOf } from './files.ts'
import { size } from './judgement.ts'
import { daemonSockets, deadSockets } from './leftovers.ts'
import type { Restored } from './restore.ts'
import { discard, freshCopy, goodBackup, keepDamaged, putInPlace, restore } from './restore.ts'
import { damageOf, viewStore } from './store-view.ts'

/** What was mended, in words; and how the store was brought back, when it had to be. */
export type Repaired = { done: string[]; restored: Restored | null }

// A store with less unused space than this is left as it is.
const worthVacuuming = 16 * 1024 ** 2

/**
 * Mends what can be mended without losing anything: modes, missing folders, dead sockets, indexes, and
 * a damaged store from its newest sound backup. Throws SQUADD_ALREADY_RUNNING while a daemon holds
 * the home, SQUADD_STORE_CORRUPT when there is no backup to go back to.
 */
export function repair(home: Home, now: number): Repaired {
  const missing = foldersOf(home).filter((dir) => !existsSync(dir))
  // The lock lies in it: before that is held nothing else is touched.
  prepareFolder(home.stateDir)
  const lock = takeLock(home.lockFile)
  if (!lock)
    throw new SquadError('SQUADD_ALREADY_RUNNING', `a daemon runs in ${home.root}`, {
      hint: 'squadd stop first; its agents live on',
    })
  try {
    const done = closeFolders(home)
    prepareHome(home)
    done.push(...missing.map((dir) => `made ${dir}`))
    done.push(...removeSockets(home, daemonSockets(home)))
    // An empty file is one that was never written to, unless something is there to go back to.
    const hasStore = sizeOf(home.storeFile) > 0 || listBackups(home).length > 0
    const restored = hasStore ? repairStore(home, now, done) : null
    if (hasStore) done.push(...removeSockets(home, deadSockets(home, viewStore(home.storeFile))))
    return { done, restored }
  } finally {
    lock.release()
  }
}

function closeFolders(home: Home): string[] {
  return foldersOf(home).flatMap((dir) => {
    const found = lstatSync(dir, { throwIfNoEntry: false })
    const isOurs = found?.isDirectory() && found.uid === (process.getuid?.() ?? found.uid)
    if (!found || !isOurs || (found.mode & 0o077) === 0) return []
    chmodSync(dir, 0o700)
    return [`${dir} is private again`]
  })
}

function removeSockets(home: Home, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return []
    rmSync(path)
    return [`removed the dead socket ${path.slice(home.runtimeDir.length + 1)}`]
  })
}

function repairStore(home: Home, now: number, done: string[]): Restored | null {
  const { storeFile } = home
  const damage = damageOf(storeFile, 'whole')
  if (damage === null) {
    done.push('the store is sound', ...vacuum(home))
    return null
  }
  // Nobody begins anything before it is known that there is a way back.
  const backup = mendIndexesOrFind(home, damage, done, now)
  if (backup === null) return null
  const damaged = keepDamaged(home, now)
  const restored = restore(home, backup, damaged, now)
  done.push(
    `the store was damaged: ${damage}`,
    `the damaged files are kept in ${damaged}`,
    `restored the backup of ${new Date(backup.at).toISOString()}`,
  )
  return restored
}

/** An index is made again from its table; anything else needs a backup. */
function mendIndexesOrFind(home: Home, damage: string, done: string[], now: number) {
  const isIndex = damage.split('; ').every((text) => /index/i.test(text))
  if (!isIndex) return goodBackup(home)
  const kept = keepDamaged(home, now)
  if (!isReindexed(home, kept)) return goodBackup(home)
  done.push(`made the indexes again (${damage})`, `the files as they were are kept in ${kept}`)
  return null
}

/** Makes the indexes again in a copy, which takes the store's place only when it is sound then. */
function isReindexed(home: Home, kept: string): boolean {
  const fresh = freshCopy(home, join(kept, 'squadd.db'))
  try {
    if (!isSoundOnceReindexed(fresh)) return false
    // The old write-ahead log must never meet the copy.
    changing(home.storeFile, (connection) => connection.run(intoOneFile()))
    putInPlace(home, fresh)
    return true
  } finally {
    discard(fresh)
  }
}

function isSoundOnceReindexed(file: string): boolean {
  try {
    changing(file, (connection) => {
      connection.exec('reindex')
      connection.run(intoOneFile())
    })
  } catch {
    return false
  }
  return damageOf(file, 'whole') === null
}

const intoOneFile = () => row('pragma journal_mode = delete')

function changing<T>(file: string, change: (connection: Connection) => T): T {
  const connection = new Connection(file, { readOnly: false })
  try {
    return change(connection)
  } finally {
    connection.close()
  }
}

/** Gives unused space back to the disk, when that is much and the disk has room for a copy. */
function vacuum({ storeFile, stateDir }: Home): string[] {
  const { bavail, bsize } = statfsSync(stateDir)
  const before = sizeOf(storeFile)
  return changing(storeFile, (connection) => {
    const free = connection.run(row<{ freelist_count: number }>('pragma freelist_count'))
    const page = connection.run(row<{ page_size: number }>('pragma page_size'))
    const unused = (free?.freelist_count ?? 0) * (page?.page_size ?? 0)
    if (unused < worthVacuuming || bavail * bsize < 2 * before) return []
    connection.exec('vacuum')
    connection.run(row('pragma wal_checkpoint(truncate)'))
    return [`gave ${size(before - sizeOf(storeFile))} back to the disk`]
  })
}
