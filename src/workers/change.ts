import { lstat } from 'node:fs/promises'
import type { GitChange } from '../supervisor/domain/task.ts'
import { trackedLines, untrackedLines } from './git-lines.ts'
import { pathOf, readGit } from './git-read.ts'
import { locateWorktree } from './git-place.ts'
import { type GitAt, openView } from './git-view.ts'

/**
 * The state an attempt begins at: the commit, and each file that differs from it. Plain data; a name
 * is one byte a character, so that every name fits and no two are one.
 */
export type GitBase = { head: string | null; files: Record<string, string> }

// Enough to tell what an attempt did; more are generated files that git was not told to ignore.
const mostUntracked = 2000

/** Reads the state of a worktree. Throws SQUADD_GIT; `data.cause` may be `worktree_missing`. */
export async function captureBase(worktree: string): Promise<GitBase> {
  const view = openView(locateWorktree(worktree), worktree)
  const { head, files } = await look(worktree, view)
  return { head, files: Object.fromEntries(files) }
}

/**
 * What changed in a worktree since `base`: files whose state differs from the one recorded there, and
 * files of commits made since. Lines are counted against the commit of `base`, in an untracked file up
 * to 1 MB; of more than 2,000 untracked files only the first are looked at. Runs nothing that the
 * repository configures. One git call when no tracked file changed, else two. Throws as `captureBase`.
 */
export async function changeSince(worktree: string, base: GitBase): Promise<GitChange> {
  const view = openView(locateWorktree(worktree), worktree)
  const { branch, head, files, untracked } = await look(worktree, view)
  const changed = new Set<string>()
  for (const [name, state] of files) if (base.files[name] !== state) changed.add(name)
  // Beyond the limit a name may be missing only because another came before it.
  if (untracked.length < mostUntracked)
    for (const name of Object.keys(base.files)) if (!files.has(name)) changed.add(name)

  const dirty = files.size > 0
  if (changed.size === 0 && head === base.head)
    return { branch, commit: head, filesChanged: 0, insertions: 0, deletions: 0, dirty }
  const isChanged = (name: string) => changed.has(name)
  const isTracked = (name: string) => !(files.get(name) ?? base.files[name])?.startsWith('? ')
  const mayDiffer = head !== base.head || [...changed].some(isTracked)
  const lines = [
    ...(await untrackedLines(untracked.filter(isChanged), worktree)),
    ...(mayDiffer ? await trackedLines(base.head, view) : []),
  ]
  let [insertions, deletions] = [0, 0]
  for (const [name, inserted, deleted] of lines) {
    // What differed before, and was not touched since, is no part of it.
    if (files.has(name) && !changed.has(name)) continue
    changed.add(name)
    insertions += inserted
    deletions += deleted
  }
  return { branch, commit: head, filesChanged: changed.size, insertions, deletions, dirty }
}

type Look = {
  branch: string | null
  head: string | null
  /** Each file that differs from the commit: what git and the disk say of it. */
  files: Map<string, string>
  untracked: string[]
}

const status = ['status', '--porcelain=v2', '-z', '--branch', '--untracked-files=all'] as const
const quick = ['--no-renames', '--ignore-submodules=dirty'] as const

async function look(worktree: string, view: GitAt): Promise<Look> {
  const found: Look = { branch: null, head: null, files: new Map(), untracked: [] }
  for (const field of (await readGit([...status, ...quick], view)).split('\0')) {
    const [, key, value = ''] = /^# branch\.(oid|head) (.*)$/s.exec(field) ?? []
    if (key === 'oid' && value !== '(initial)') found.head = value
    if (key === 'head' && value !== '(detached)')
      found.branch = Buffer.from(value, 'latin1').toString()
    // A name comes after 8 fields, in a conflict after 10, of an untracked file after one.
    const [, says, name] = /^(1(?: \S+){7}|u(?: \S+){9}|\?) (.+)$/s.exec(field) ?? []
    if (says === undefined || name === undefined) continue
    if (says === '?' && found.untracked.length === mostUntracked) continue
    if (says === '?') found.untracked.push(name)
    found.files.set(name, says)
  }
  await Promise.all(
    [...found.files].map(async ([name, says]) => {
      const stat = await lstat(pathOf(worktree, name)).catch(() => null)
      const disk = stat ? `${stat.mode} ${stat.size} ${stat.mtimeMs} ${stat.ino}` : 'gone'
      found.files.set(name, `${says} ${disk}`)
    }),
  )
  return found
}
