import type { AgentSpec } from '../supervisor/domain/agent.ts'
import { SquadError } from '../supervisor/domain/error.ts'
import type { WorktreeState } from '../supervisor/domain/ports.ts'
import { checkBranchName } from './git-check.ts'
import { withoutForeignCommands } from './git-config.ts'
import { dropRecord, findRecord, folderAt, isHalfMade } from './git-record.ts'
import { removeFolder, removeWorktree } from './git-remove.ts'
import { git, type LockPatience, patiently, resolveRevision } from './git-run.ts'
import type { GitPlace } from './git-place.ts'
import { atFolder, atRepository } from './git-view.ts'

/**
 * Finds the worktree at `path` or makes it: on a new branch, or with `ownsBranch` on the branch that
 * is there. Leaves nothing half-made, and touches nothing that is not ours. Throws SQUADD_GIT.
 */
export async function ensureWorktree(
  { gitDir, common }: GitPlace,
  spec: AgentSpec,
  path: string,
  ownsBranch: boolean,
  patience: LockPatience,
): Promise<WorktreeState> {
  const state = { path, branch: spec.branch, ownsBranch: true }
  const record = findRecord(common, path)
  const folder = folderAt(path, record)
  if (folder === 'foreign')
    throw refusal(`${path} holds something that is not this worktree`, 'move it away')
  if (record) {
    if (folder === 'ours' && !isHalfMade(record)) return state
    await removeWorktree({ common, agent: spec.id, state, patience }, true)
  }
  // A record here was begun by us, and git makes the branch before the record.
  const owns = ownsBranch || record !== undefined
  await patiently(patience, () => addWorktree({ gitDir, common }, spec, path, owns))
  return state
}

async function addWorktree(
  place: GitPlace,
  { repo, branch, base }: AgentSpec,
  path: string,
  ownsBranch: boolean,
): Promise<void> {
  const at = atRepository(place)
  const ref = `refs/heads/${branch}`
  await checkBranchName(branch, at)
  const tip = await resolveRevision(ref, at)
  if (tip && !ownsBranch) throw refusal(`branch ${branch} exists`, 'choose another --branch')
  const start = tip ?? (await resolveRevision(base, at))
  if (!start) throw refusal(`base ${base} is no commit`, 'name a branch, tag or commit')
  const env = await withoutForeignCommands(repo)
  try {
    const at = atFolder(repo, env)
    if (tip) await git(['worktree', 'add', '--', path, branch], at)
    else await git(['worktree', 'add', '--no-track', `-b${branch}`, '--', path, start], at)
  } catch (error) {
    const record = findRecord(place.common, path)
    await removeFolder(path)
    if (record) await dropRecord(record)
    const branchIsNew = !tip && !String(error).includes('already exists')
    // Guarded by its value: nobody has worked on it yet.
    if (branchIsNew && (await resolveRevision(ref, at)) === start)
      await git(['update-ref', '-d', '--', ref, start], at)
    throw error
  }
}

const refusal = (message: string, hint: string) => new SquadError('SQUADD_GIT', message, { hint })
