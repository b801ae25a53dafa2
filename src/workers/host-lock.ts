import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { SquadError } from '../supervisor/domain/error.ts'
import { failing } from '../supervisor/failpoint/failpoint.ts'

// Held for life: the garbage collector would close a database that nobody knows, and drop its lock.
const held: DatabaseSync[] = []

/** SQLite's number for "another process has it". */
const busy = 5

/**
 * Takes the lock that lets one host alone drive an agent. The kernel holds it until this process ends,
 * however that happens. Waits `patienceMs` for a host that is on its way out, then throws
 * SQUADD_CONFLICT. Nothing else in this process may open `file`: closing it would drop the lock.
 */
export async function takeHostLock(file: string, patienceMs = 5000): Promise<void> {
  const database = failing('host.lock', () => new DatabaseSync(file))
  const until = performance.now() + patienceMs
  for (let waitMs = 1; !tryLock(database); waitMs = Math.min(2 * waitMs, 100)) {
    if (performance.now() > until) {
      database.close()
      throw new SquadError('SQUADD_CONFLICT', 'another host drives this agent', {
        hint: `end the process that has ${file} open`,
      })
    }
    // Nothing tells when a file lock is let go.
    await delay(waitMs)
  }
  held.push(database)
}

function tryLock(database: DatabaseSync): boolean {
  try {
    // Nothing is ever written: a journal beside it would be litter.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode === busy) return false
    throw error
  }
}
