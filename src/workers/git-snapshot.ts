import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SquadError, show } from '../supervisor/domain/error.ts'
import { dropFalseChanges, indexTree, showHidden, withOwnIndex, writeTree } from './git-index.ts'
import { emptyTree } from './git-args.ts'
import type { ObjectId } from './git-args.ts'
import { git, resolveRevision } from './git-run.ts'
import type { GitPlace } from './git-place.ts'
import { type GitAt, temporaryIn } from './git-view.ts'

/** A working tree as git objects. All are tree names; null where there is none. */
export type Snapshot = {
  /** The commit it stands on; null before the first. */
  head: ObjectId | null
  headTree: ObjectId | null
  /** The index, when something was staged that neither the commit nor the files hold. */
  staged: ObjectId | null
  /** Every file that is not ignored; null when the folder is gone. */
  files: ObjectId | null
}

export const noSnapshot: Snapshot = { head: null, headTree: null, staged: null, files: null }

/** Is there something in it that no commit has? */
export const isUnsaved = ({ headTree, staged, files }: Snapshot): boolean =>
  staged !== null || (files !== null && files !== (headTree ?? emptyTree))

/**
 * Writes the state of a working tree into git objects, beside the agent's index and without any
 * filter. A clean tree costs about one `git status`. Throws SQUADD_GIT when something in it cannot
 * be kept: a repository inside, an unreadable file. `worktree`: null when the folder is gone.
 */
export async function takeSnapshot(
  { gitDir }: GitPlace,
  worktree: string | null,
  view: GitAt,
): Promise<Snapshot> {
  using temporary = temporaryIn(view)
  const at = await withOwnIndex(gitDir, temporary.path, view)
  const head = await resolveRevision('HEAD', at)
  const headTree = head && (await resolveRevision(head, at, 'tree'))
  const commit = headTree ?? emptyTree
  // What a conflict has staged comes from commits.
  const index = await indexTree(at)
  if (worktree === null)
    return { head, headTree, staged: index === commit ? null : index, files: null }

  await showHidden(worktree, at)
  await git(['add', '--all'], at).catch((error: Error) => {
    throw refusal(error.message)
  })
  await refuseRepositories(gitDir, worktree, at)
  if (index) await dropFalseChanges(worktree, index, at)
  const files = await writeTree(at)
  const staged = index && (await holdsMore(index, commit, files, at)) ? index : null
  return { head, headTree, staged, files }
}

/**
 * The files of a working tree as a tree, for looking only: what cannot be read is left out, and
 * `problem` says so.
 */
export async function glance(
  { gitDir }: GitPlace,
  worktree: string,
  view: GitAt,
): Promise<{ tree: ObjectId; problem: string | null }> {
  using temporary = temporaryIn(view)
  const at = await withOwnIndex(gitDir, temporary.path, view)
  const index = await indexTree(at)
  const problem = await git(['add', '--all', '--ignore-errors'], at).then(
    () => null,
    (error: Error) => error.message,
  )
  if (index) await dropFalseChanges(worktree, index, at)
  return { tree: await writeTree(at), problem }
}

/** Does the index hold a file as neither the commit nor the working tree has it? */
async function holdsMore(
  index: ObjectId,
  commit: ObjectId,
  files: ObjectId,
  at: GitAt,
): Promise<boolean> {
  if (index === commit || index === files) return false
  const unlike = async (tree: ObjectId) => {
    const only = [
      'diff-tree',
      '-r',
      '-z',
      '--name-only',
      '--no-renames',
      '--diff-filter=d',
    ] as const
    return (await git([...only, tree, index], at)).split('\0').filter((name) => name !== '')
  }
  const unlikeFiles = new Set(await unlike(files))
  return (await unlike(commit)).some((name) => unlikeFiles.has(name))
}

/** git would keep no more of an inner repository than the name of its commit. */
async function refuseRepositories(gitDir: string, worktree: string, at: GitAt): Promise<void> {
  const modules = join(gitDir, 'modules')
  const inside = await readdir(modules).catch(() => [])
  if (inside.length > 0) throw refusal(`submodules are checked out (${modules})`)
  for (const entry of (await git(['ls-files', '--stage', '-z'], at)).split('\0')) {
    if (!entry.startsWith('160000 ')) continue
    const name = entry.slice(entry.indexOf('\t') + 1)
    if (await lstat(join(worktree, name, '.git')).catch(() => null))
      throw refusal(`${show(name)} is a git repository of its own`)
  }
}

const refusal = (problem: string): SquadError =>
  new SquadError('SQUADD_GIT', `the worktree cannot be kept whole: ${problem}`, {
    hint: 'move it out of the worktree, or delete it, then ask again',
  })
