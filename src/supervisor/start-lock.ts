import { SquadError } from './domain/error.ts'
import type { Home } from './home.ts'
import type { Lock } from './store/lock.ts'
import { takeLock } from './store/lock.ts'

/**
 * Held by who starts a daemon in the background, until that is ready: of many who start at once only
 * one goes to the expense of a process. The daemon's own lock decides who runs. Throws
 * SQUADD_ALREADY_RUNNING when another start is under way.
 */
export function takeStartLock(home: Home): Lock {
  const lock = takeLock(home.startLockFile)
  if (lock) return lock
  throw new SquadError(
    'SQUADD_ALREADY_RUNNING',
    `another squadd start is under way in ${home.root}`,
    { hint: 'use what it starts: squadd status' },
  )
}
