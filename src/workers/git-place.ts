import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { SquadError } from '../supervisor/domain/error.ts'

/** Where git keeps one working tree: its own folder, and the one it shares with the others. */
export type GitPlace = { gitDir: string; common: string }

/** Finds the repository of a working tree by its `.git`, or a bare one. Undefined when none is there. */
export function locateGit(path: string): GitPlace | undefined {
  const dotGit = join(path, '.git')
  const stat = lstatSync(dotGit, { throwIfNoEntry: false })
  if (stat?.isFile()) {
    const [, target] = /^gitdir: (.+?)\n*$/s.exec(readFileSync(dotGit, 'utf8')) ?? []
    return target === undefined ? undefined : placeOf(resolve(path, target))
  }
  if (stat) return placeOf(dotGit)
  const bare = ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(path, name)))
  return bare ? placeOf(path) : undefined
}

/**
 * Finds the repository of a working tree and proves that the tree is the one git knows: its folder
 * is no symlink, and git's record points back at it. Throws SQUADD_GIT.
 */
export function locateWorktree(path: string): GitPlace {
  const place = lstatSync(path, { throwIfNoEntry: false })?.isDirectory()
    ? locateGit(path)
    : undefined
  if (place && (place.gitDir === place.common || pointsAt(place.gitDir, path))) return place
  throw new SquadError('SQUADD_GIT', `worktree ${path} is missing or is not what git made`, {
    cause: 'worktree_missing',
    hint: 'restart the agent to make it again; its branch is kept',
  })
}

/** Is `gitDir` git's record of a worktree at `path`? */
export function pointsAt(gitDir: string, path: string): boolean {
  const target = readLine(join(gitDir, 'gitdir'))
  return target !== undefined && settle(resolve(gitDir, target)) === settle(join(path, '.git'))
}

/** The path with the links of its folders resolved, but not of its last two parts. */
function settle(dotGit: string): string {
  const worktree = dirname(dotGit)
  const parent = dirname(worktree)
  const real = existsSync(parent) ? realpathSync(parent) : resolve(parent)
  return join(real, basename(worktree), basename(dotGit))
}

function placeOf(gitDir: string): GitPlace | undefined {
  if (!existsSync(join(gitDir, 'HEAD'))) return undefined
  const shared = readLine(join(gitDir, 'commondir'))
  const common = shared === undefined ? gitDir : resolve(gitDir, shared)
  if (!existsSync(join(common, 'objects'))) return undefined
  return { gitDir: realpathSync(gitDir), common: realpathSync(common) }
}

function readLine(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/\n+$/, '')
  } catch {
    return undefined
  }
}
