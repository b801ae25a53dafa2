import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitPlace } from './git-place.ts'
import { atRepository, type GitAt } from './git-view.ts'
import { asObjectId } from './git-args.ts'
import type { ObjectId } from './git-args.ts'
import { ask, git, type LockPatience, patiently, resolveRevision, updateRef } from './git-run.ts'
import { isUnsaved, type Snapshot } from './git-snapshot.ts'

type Keeping = {
  agent: string
  place: GitPlace
  view: GitAt
  snapshot: Snapshot
  /** Commits that must not get lost. */
  commits: readonly (ObjectId | null)[]
  /** A branch that is about to be deleted. */
  doomed: string | null
  patience: LockPatience
}

/**
 * Keeps what would be lost with a worktree under `refs/squadd/rescue/<agent>/<time>`, in one commit:
 * its files are the files, its second parent what was staged, further parents are commits that no
 * other ref reaches. Answers the ref, or null when nothing would be lost. Durable when it resolves.
 */
export async function rescue(keeping: Keeping): Promise<string | null> {
  const { agent, view, snapshot, patience } = keeping
  const lost = await lostCommits(keeping)
  const unsaved = isUnsaved(snapshot)
  if (!unsaved && lost.length === 0) return null
  const commit =
    !unsaved && lost.length === 1 ? lost[0]! : await joinedCommit(keeping, unsaved, lost)
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  for (let n = 1; ; n++) {
    const ref = `refs/squadd/rescue/${agent}/${stamp}${n === 1 ? '' : `-${n}`}`
    if (await resolveRevision(ref, view)) continue
    await patiently(patience, () => updateRef(view, ref, commit, ''))
    return ref
  }
}

async function joinedCommit(
  { agent, place, view, snapshot }: Keeping,
  unsaved: boolean,
  lost: ObjectId[],
): Promise<ObjectId> {
  const { head, headTree, staged, files } = snapshot
  const parents = head === null ? [] : [head]
  const tree = (unsaved ? (files ?? staged) : headTree) ?? headTree
  const message = `squadd: rescued from ${agent}`
  if (staged !== null && staged !== tree && staged !== headTree)
    parents.push(await commitTree(place, view, staged, parents, `${message} (staged)`))
  for (const one of lost) if (!parents.includes(one)) parents.push(one)
  const written = tree ?? (await resolveRevision(lost[0]!, view, 'tree'))
  return commitTree(place, view, written!, parents, message)
}

/** Commits that only this worktree, or a branch that goes with it, leads to; none twice. */
async function lostCommits({ view, commits, doomed }: Keeping): Promise<ObjectId[]> {
  const lost: ObjectId[] = []
  for (const commit of new Set(commits)) {
    if (commit === null) continue
    const refs = await git(['for-each-ref', '--format=%(refname)', '--contains', commit], view)
    const others = refs
      .split('\n')
      .filter((ref) => /^refs\/(?!bisect\/|worktree\/|rewritten\/)/.test(ref))
    if (!others.some((ref) => ref !== `refs/heads/${doomed}`)) lost.push(commit)
  }
  if (lost.length < 2) return lost
  const tips = await git(['merge-base', '--independent', ...lost], view)
  return tips.trim().split('\n').map(asObjectId)
}

/** Commits that a merge, rebase, cherry-pick or bisect under way has in hand. */
export async function commitsUnderWay({ gitDir }: GitPlace, view: GitAt): Promise<ObjectId[]> {
  const commits: string[] = []
  const files = [
    'MERGE_HEAD',
    'CHERRY_PICK_HEAD',
    'REVERT_HEAD',
    'rebase-merge/autostash',
    'rebase-merge/orig-head',
    'rebase-apply/autostash',
    'rebase-apply/orig-head',
    'MERGE_AUTOSTASH',
  ]
  for (const file of files) {
    const text = await readFile(join(gitDir, file), 'latin1').catch(() => '')
    commits.push(...text.split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line)))
  }
  const own = (['refs/worktree/', 'refs/bisect/', 'refs/rewritten/'] as const).filter((name) =>
    existsSync(join(gitDir, name)),
  )
  const list = ['for-each-ref', '--format=%(objectname)'] as const
  const refs = own.length > 0 ? await git([...list, ...own], view) : ''
  commits.push(...refs.split('\n').filter((line) => line !== ''))
  const resolved = await Promise.all(commits.map((one) => resolveRevision(one, view)))
  return resolved.filter((one) => one !== null)
}

/** Writes a commit in the name that the user gave git, or in ours where he gave none. */
export async function commitTree(
  place: GitPlace,
  view: GitAt,
  tree: ObjectId,
  parents: ObjectId[],
  message: string,
): Promise<ObjectId> {
  // Reading the repository's own configuration runs nothing.
  const asked = ['config', '-z', '--get-regexp', '^user\\.(name|email)$'] as const
  const known = (await ask(asked, atRepository(place))) ?? ''
  const identity = { name: 'squadd', email: 'squadd@localhost' }
  for (const entry of known.split('\0')) {
    const [key, value] = entry.split('\n', 2)
    if (value && key === 'user.name') identity.name = value
    if (value && key === 'user.email') identity.email = value
  }
  const flags = parents.flatMap((parent) => ['-p', parent] as const)
  const who = ['-c', `user.name=${identity.name}`, '-c', `user.email=${identity.email}`] as const
  return asObjectId(
    (await git([...who, 'commit-tree', ...flags, `-m${message}`, tree], view)).trim(),
  )
}
