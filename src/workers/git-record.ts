import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SquadError } from '../supervisor/domain/error.ts'
import { locateGit, pointsAt } from './git-place.ts'

/** git's record of the worktree at `path`, a folder in its own; undefined when it knows of none. */
export function findRecord(common: string, path: string): string | undefined {
  return records(common).find((record) => pointsAt(record, path))
}

function records(common: string): string[] {
  const parent = join(common, 'worktrees')
  if (!existsSync(parent)) return []
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(parent, entry.name))
}

/** What lies at a worktree's path: `ours` is a folder whose `.git` leads to the record. */
export function folderAt(path: string, record?: string): 'ours' | 'missing' | 'empty' | 'foreign' {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return 'missing'
  if (!stat.isDirectory()) return 'foreign'
  if (readdirSync(path).length === 0) return 'empty'
  if (record === undefined || !lstatSync(join(path, '.git'), { throwIfNoEntry: false })?.isFile())
    return 'foreign'
  return locateGit(path)?.gitDir === realpathSync(record) ? 'ours' : 'foreign'
}

/** What `git worktree prune` does, for this one record alone. */
export const dropRecord = (record: string): Promise<void> =>
  rm(record, { recursive: true, force: true })

/** Was `git worktree add` ended before its own end? Then no program has run there yet. */
export const isHalfMade = (record: string): boolean => lockReason(record) === 'initializing'

/** Throws SQUADD_GIT when a person locked the worktree. */
export function refuseLocked(path: string, record: string): void {
  const reason = lockReason(record)
  if (reason === undefined || isHalfMade(record)) return
  throw new SquadError('SQUADD_GIT', `worktree ${path} is locked${reason && `: ${reason}`}`, {
    hint: `run git worktree unlock ${path}`,
  })
}

function lockReason(record: string): string | undefined {
  const file = join(record, 'locked')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** Does the repository itself, or a worktree other than `except`, stand on the branch? */
export function isCheckedOut(common: string, branch: string, except?: string): boolean {
  return [common, ...records(common)]
    .filter((gitDir) => gitDir !== except && existsSync(join(gitDir, 'HEAD')))
    .some(
      (gitDir) => readFileSync(join(gitDir, 'HEAD'), 'utf8').trim() === `ref: refs/heads/${branch}`,
    )
}
