import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defaults } from '../domain/config.ts'
import { SquadError } from '../domain/error.ts'
import type { TaskId } from '../domain/task.ts'
import type { Home } from '../home.ts'
import { sync } from '../store/backup.ts'
import { openFile } from '../store/open.ts'
import type { AfterBackup } from '../store/restored.ts'
import { afterRestore } from '../store/restored.ts'
import { row, rows } from '../store/statement.ts'
import type { TaskRow } from '../store/task-row.ts'
import { beginAt, flush } from '../store/transaction.ts'
import type { Backup } from './backups.ts'
import { listBackups } from './backups.ts'
import { attemptsSeen, newestAgent, salvage } from './salvage.ts'
import { damageOf, reading, viewStore } from './store-view.ts'

export type Restored = {
  backup: Backup
  /** Where the damaged files were put. */
  damaged: string
  /** Stored or moved after the backup, read from the damaged store: they are as they were. */
  saved: TaskId[]
  /** Stored after the backup, and gone. */
  lost: TaskId[]
  /** Whether that is all: the damaged store says how many tasks there were. */
  isComplete: boolean
  /** They may have run since the backup: a person has to look. */
  held: TaskId[]
}

// Where nothing says how far the events went.
const eventGap = 1_000_000
// The same for tasks.
const taskGap = 10_000

/** Copies the store's files aside, as they are; the answer is the folder. */
export function keepDamaged(home: Home, now: number): string {
  const name = `damaged-${new Date(now).toISOString().replaceAll(':', '-')}`
  const folder = join(home.stateDir, name)
  if (existsSync(folder)) return folder
  mkdirSync(folder, { mode: 0o700 })
  for (const end of ['', '-wal']) {
    const file = `${home.storeFile}${end}`
    if (!existsSync(file)) continue
    copyFileSync(file, join(folder, `squadd.db${end}`))
    sync(join(folder, `squadd.db${end}`))
  }
  sync(folder)
  sync(home.stateDir)
  return folder
}

/** A copy of a store beside the one that is used, to be worked on and then put in its place. */
export function freshCopy(home: Home, from: string): string {
  const fresh = `${home.storeFile}.restored`
  discard(fresh)
  copyFileSync(from, fresh)
  if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${fresh}-wal`)
  return fresh
}

/** Removes such a copy. */
export function discard(fresh: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${fresh}${end}`, { force: true })
}

/** Puts a whole store file in the place of the one that is used. */
export function putInPlace(home: Home, fresh: string): void {
  sync(fresh)
  renameSync(fresh, home.storeFile)
  sync(dirname(home.storeFile))
}

/** The newest backup that is sound. Throws SQUADD_STORE_CORRUPT when there is none. */
export function goodBackup(home: Home): Backup {
  const found = listBackups(home).find(({ file }) => damageOf(file, 'whole') === null)
  if (found) return found
  throw new SquadError(
    'SQUADD_STORE_CORRUPT',
    `the store ${home.storeFile} is damaged and there is no sound backup in ${home.backupsDir}`,
    { file: home.storeFile, hint: 'move it away to begin empty; it was left as it is' },
  )
}

/**
 * Puts a backup in the store's place, with what can be read of the damaged one in `damaged`. Only
 * for the holder of the lock. Interrupted anywhere it can be done again: the old store goes last.
 */
export function restore(home: Home, backup: Backup, damaged: string, now: number): Restored {
  const fresh = freshCopy(home, backup.file)
  const view = viewStore(backup.file)
  const open = reading(backup.file, (connection) =>
    connection.run(
      rows<Pick<TaskRow, 'id' | 'state' | 'fence'>>(
        `select id, state, fence from task where state not in ('completed', 'failed', 'cancelled')`,
      ),
    ),
  )
  const found = salvage(join(damaged, 'squadd.db'), view, open)
  const fences = attemptsSeen(home)
  const known = Math.max(view.newestTask, found.newestTask ?? 0, ...fences.keys())
  const held = reconcile(fresh, now, {
    ...{ file: backup.file, madeAt: backup.at },
    ...{ fences, saved: found.saved },
    used: {
      task: found.newestTask === null ? known + taskGap : known,
      event: found.newestEvent ?? view.newestEvent + eventGap,
      agent: newestAgent(home),
    },
  })
  // The old write-ahead log must never meet the new store.
  for (const end of ['-wal', '-shm']) rmSync(`${home.storeFile}${end}`, { force: true })
  sync(dirname(home.storeFile))
  putInPlace(home, fresh)
  const ids = (numbers: readonly number[]) => numbers.map((id): TaskId => `t${id}`)
  return {
    ...{ backup, damaged, held },
    saved: ids(found.saved.map(({ task }) => task.id)),
    lost: ids(found.lost),
    isComplete: found.newestTask !== null,
  }
}

function reconcile(file: string, now: number, after: AfterBackup): TaskId[] {
  const connection = openFile(file, now)
  try {
    connection.exec('begin immediate')
    const held = connection.run(
      (function* () {
        const tx = beginAt(now, { patience: () => defaults, taskQueueSize: () => 0 })
        const held = yield* afterRestore(tx, after)
        yield* flush(tx)
        return held
      })(),
    )
    connection.exec('commit')
    connection.run(row('pragma journal_mode = delete'))
    return held
  } finally {
    connection.close()
  }
}
