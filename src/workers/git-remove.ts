import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SquadError } from '../supervisor/domain/error.ts'
import type { WorktreeState } from '../supervisor/domain/ports.ts'
import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import {
  dropRecord,
  findRecord,
  folderAt,
  isCheckedOut,
  isHalfMade,
  refuseLocked,
} from './git-record.ts'
import { commitsUnderWay, commitTree, rescue } from './git-rescue.ts'
import type { ObjectId } from './git-args.ts'
import { ask, git, type LockPatience, patiently, resolveRevision, updateRef } from './git-run.ts'
import { noSnapshot, type Snapshot, takeSnapshot } from './git-snapshot.ts'
import type { GitPlace } from './git-place.ts'
import { atRepository, type GitAt, openView, type ViewKind } from './git-view.ts'

export type Leaving = {
  common: string
  agent: string
  state: WorktreeState
  patience: LockPatience
}

/**
 * Removes a worktree and, with `keepBranch` false, the branch when it is ours and no other worktree
 * stands on it. What would be lost is kept first: the answer is its ref. A folder that is not the
 * worktree any more is left alone; a lock set by a person is respected (SQUADD_GIT). Doing it again
 * does the rest.
 */
export async function removeWorktree(
  leaving: Leaving,
  keepBranch: boolean,
): Promise<string | null> {
  const { common, state, patience } = leaving
  const record = findRecord(common, state.path)
  const mayGo = state.ownsBranch && !keepBranch && !isCheckedOut(common, state.branch, record)
  const doomed = mayGo ? state.branch : null
  const rescued = await leave(leaving, { doomed, kind: 'bytes' })
  if (doomed !== null) {
    const at = atRepository({ gitDir: common, common })
    const ref = `refs/heads/${doomed}`
    const tip = await resolveRevision(ref, at)
    if (tip) await patiently(patience, () => git(['update-ref', '-d', '--', ref, tip], at))
  }
  return rescued
}

/**
 * Commits all files that are not ignored on the branch, then removes the worktree. The branch ends
 * at what the folder held, whatever stood in HEAD: a new `ensure` brings the same files back. Line
 * endings are git's; filters are not run, so that a changed file of git-lfs is kept whole. Answers
 * the new end of the branch, or null when nothing was to be added to it.
 */
export async function releaseWorktree(leaving: Leaving): Promise<{ commit: string | null }> {
  let commit: ObjectId | null = null
  await leave(leaving, {
    doomed: null,
    kind: 'committed',
    async save(snapshot, place, view) {
      commit = await commitWork(leaving, snapshot, place, view)
      if (commit === null) return snapshot
      return { ...snapshot, head: commit, headTree: snapshot.files }
    },
  })
  return { commit }
}

type How = {
  doomed: string | null
  kind: ViewKind
  save?: (snapshot: Snapshot, place: GitPlace, view: GitAt) => Promise<Snapshot>
}

async function leave(
  { common, agent, state: { path }, patience }: Leaving,
  { doomed, kind, save }: How,
): Promise<string | null> {
  const record = findRecord(common, path)
  if (record) refuseLocked(path, record)
  const folder = record && folderAt(path, record) === 'ours' ? path : null
  const place = { gitDir: record && !isHalfMade(record) ? record : common, common }
  const isWorktree = place.gitDir === record
  const view = isWorktree ? openView(place, folder, kind) : atRepository(place)

  let snapshot = noSnapshot
  const commits: (ObjectId | null)[] = []
  if (isWorktree) {
    snapshot = await takeSnapshot(place, folder, view)
    commits.push(snapshot.head, ...(await commitsUnderWay(place, view)))
    if (save && folder) snapshot = await save(snapshot, place, view)
  }
  if (doomed !== null) commits.push(await resolveRevision(`refs/heads/${doomed}`, view))
  const rescued = await rescue({ agent, place, view, snapshot, commits, doomed, patience })
  if (folder) await removeFolder(folder)
  if (record) await dropRecord(record)
  return rescued
}

/** Deletes a folder, following no link out of it. Throws SQUADD_GIT. */
export async function removeFolder(path: string): Promise<void> {
  try {
    // Node's own rm blocks the event loop for 0.4 s over 50,000 files.
    await failingAsync('worktree.delete_folder', () =>
      promisify(execFile)('rm', ['-rf', '--', path]),
    )
  } catch (error) {
    throw new SquadError(
      'SQUADD_GIT',
      `worktree ${path} cannot be deleted: ${(error as Error).message}`,
      { hint: 'its work is kept; delete the folder, then ask again' },
      error,
    )
  }
}

async function commitWork(
  { agent, state: { branch }, patience }: Leaving,
  { head, headTree, files }: Snapshot,
  place: GitPlace,
  view: GitAt,
): Promise<ObjectId | null> {
  const ref = `refs/heads/${branch}`
  const tip = await resolveRevision(ref, view)
  const changed = files !== headTree
  if (!changed && tip === head) return null
  const follows = tip === null || (head !== null && (await isAncestor(tip, head, view)))
  // HEAD may have left the branch: the branch then takes in what HEAD stands on.
  const parents = (follows ? [head] : [tip, head]).filter((one) => one !== null)
  const commit =
    !changed && follows && head !== null
      ? head
      : await commitTree(place, view, files!, parents, `squadd: work in progress of ${agent}`)
  await patiently(patience, () => updateRef(view, ref, commit, tip ?? ''))
  return commit
}

const isAncestor = async (older: ObjectId, newer: ObjectId, view: GitAt): Promise<boolean> =>
  (await ask(['merge-base', '--is-ancestor', older, newer], view)) !== null
