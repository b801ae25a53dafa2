import { formatDuration } from '../../domain/time.ts'
import { fail, ok, size, warn } from '../judgement.ts'

const largeLog = 256 * 1024 ** 2
const repair = 'squadd stop, then squadd doctor --repair'

/** The store file and what keeps it from being lost. */
export const storeChecks = {
  /** `problem`: what SQLite's own check says, or why it could not be made. */
  database({ exists, problem, backups }: DatabaseFacts) {
    if (!exists && backups > 0)
      return fail(
        `it is gone, and ${backups} backups are there`,
        'doctor --repair puts the newest back; start begins empty',
      )
    if (!exists) return ok('not made yet')
    return problem === null ? ok('every page is sound') : fail(problem, repair)
  },

  schema({ version, known }: { version: number | null; known: number }) {
    if (version === null) return ok('no store to read')
    if (version > known)
      return fail(`version ${version}, this squadd knows up to ${known}`, 'use the newer squadd')
    if (version < known)
      return warn(
        `version ${version}, this squadd uses ${known}`,
        'squadd restart brings it up to date, after a backup',
      )
    return ok(`version ${version}`)
  },

  'write-ahead-log'({ bytes }: { bytes: number }) {
    const text = size(bytes)
    return bytes > largeLog
      ? warn(`${text}: a reader keeps it from being emptied`, 'end programs that read the store')
      : ok(text)
  },

  backup({ exists, ageMs, intervalMs, count }: BackupFacts) {
    if (!exists) return ok('nothing to keep yet')
    if (ageMs === null) return warn('there is none', 'squadd backup; backupIntervalMs makes them')
    const text = `${count}, the newest ${formatDuration(Math.max(0, ageMs))} old`
    const limit = intervalMs === 0 ? oldMs : 2 * intervalMs
    return ageMs > limit ? warn(text, 'squadd backup, and let the daemon run') : ok(text)
  },

  outputs({ bytes, budgetBytes }: { bytes: number; budgetBytes: number }) {
    const text = `${size(bytes)} of output kept`
    if (budgetBytes === 0 || bytes <= 1.5 * budgetBytes) return ok(text)
    return warn(
      `${text}, the budget is ${size(budgetBytes)}`,
      'only ended tasks give theirs up: look for held ones, or raise outputBudgetBytes',
    )
  },
}

const oldMs = 7 * 86_400_000

type DatabaseFacts = { exists: boolean; problem: string | null; backups: number }

type BackupFacts = {
  /** There is a store that could be lost. */
  exists: boolean
  ageMs: number | null
  intervalMs: number
  count: number
}
