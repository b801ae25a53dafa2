import { copyFile, lstat, readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { SquadError, show } from '../supervisor/domain/error.ts'
import type { GitPlace, GitView } from './git-view.ts'
import { git, resolveRevision } from './git-run.ts'

/** A working tree as git objects. All are tree names; null where there is none. */
export type Snapshot = {
  /** The commit it stands on; null before the first. */
  head: string | null
  headTree: string | null
  /** The index, when something was staged that neither the commit nor the files hold. */
  staged: string | null
  /** Every file that is not ignored; null when the folder is gone. */
  files: string | null
}

/**
 * Writes the state of a working tree into git objects, beside the agent's index and without any
 * filter. A clean tree costs about one `git status`. Throws SQUADD_GIT when something in it cannot
 * be kept: a repository inside, an unreadable file. `worktree`: null when the folder is gone.
 */
export async function takeSnapshot(
  { gitDir }: GitPlace,
  worktree: string | null,
  view: GitView,
): Promise<Snapshot> {
  const at = { ...view, env: { ...view.env, GIT_INDEX_FILE: join(view.dir, 'index') } }
  await copyIndex(join(gitDir, 'index'), join(view.dir, 'index'))
  const head = await resolveRevision('HEAD', at)
  const headTree = head && (await resolveRevision(head, at, 'tree'))
  const conflicts = await git(['ls-files', '--unmerged', '-z'], at)
  // What a conflict has staged comes from commits.
  const index = conflicts === '' ? await writeTree(at) : null
  const commit = headTree ?? emptyTree
  if (worktree === null)
    return { head, headTree, staged: index === commit ? null : index, files: null }

  await showHidden(worktree, at)
  await git(['add', '--all'], at)
  await refuseRepositories(gitDir, worktree, at)
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
  view: GitView,
): Promise<{ tree: string; problem: string | null }> {
  const at = { ...view, env: { ...view.env, GIT_INDEX_FILE: join(view.dir, 'index') } }
  await copyIndex(join(gitDir, 'index'), join(view.dir, 'index'))
  const problem = await git(['add', '--all', '--ignore-errors'], at).then(
    () => null,
    (error: Error) => error.message,
  )
  return { tree: await writeTree(at), problem }
}

/** Is there something in it that no commit has? */
export const isUnsaved = ({ headTree, staged, files }: Snapshot): boolean =>
  staged !== null || (files !== null && files !== (headTree ?? emptyTree))

const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

/** Does the index hold a file as neither the commit nor the working tree has it? */
async function holdsMore(
  index: string,
  commit: string,
  files: string,
  at: GitView,
): Promise<boolean> {
  const differing = async (from: string, to: string) => {
    const only = ['diff-tree', '-r', '-z', '--name-only', '--no-renames']
    return (await git([...only, '--diff-filter=d', from, to], at)).split('\0')
  }
  if (index === commit || index === files) return false
  const unlikeFiles = new Set(await differing(files, index))
  return (await differing(commit, index)).some((name) => name !== '' && unlikeFiles.has(name))
}

const writeTree = async (at: GitView) => (await git(['write-tree'], at)).trim()

/** The copy must not look newer than files changed since: git trusts an entry older than its index. */
async function copyIndex(from: string, to: string): Promise<void> {
  const before = await stat(from).catch(() => undefined)
  if (!before) return
  await copyFile(from, to)
  const second = Math.floor(before.mtimeMs / 1000)
  await utimes(to, second, second)
}

/** Takes back "assume unchanged" and "skip worktree" where a file is there: they hide changes. */
async function showHidden(worktree: string, at: GitView): Promise<void> {
  const entries = (await git(['ls-files', '-v', '-z'], at)).split('\0')
  const hidden = entries.filter((entry) => /^[a-zS] /.test(entry)).map((entry) => entry.slice(2))
  const present = []
  for (const name of hidden) if (await exists(join(worktree, name))) present.push(name)
  for (let i = 0; i < present.length; i += 200)
    for (const flag of ['--no-assume-unchanged', '--no-skip-worktree'])
      await git(['update-index', flag, '--', ...present.slice(i, i + 200)], at)
}

/** git would keep no more of an inner repository than the name of its commit. */
async function refuseRepositories(gitDir: string, worktree: string, at: GitView): Promise<void> {
  const inside = await readdir(join(gitDir, 'modules')).catch(() => [])
  if (inside.length > 0) throw refusal(`submodules are checked out (${join(gitDir, 'modules')})`)
  for (const entry of (await git(['ls-files', '--stage', '-z'], at)).split('\0')) {
    if (!entry.startsWith('160000 ')) continue
    const name = entry.slice(entry.indexOf('\t') + 1)
    if (await exists(join(worktree, name, '.git')))
      throw refusal(`${show(name)} is a git repository of its own`)
  }
}

const refusal = (problem: string): SquadError =>
  new SquadError('SQUADD_GIT', `the worktree cannot be kept whole: ${problem}`, {
    hint: 'move it out of the worktree, or delete it, then ask again',
  })

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )
