import type { AgentSpec } from '../supervisor/domain/agent.ts'
import { SquadError } from '../supervisor/domain/error.ts'
import type { Worktrees, WorktreeState } from '../supervisor/domain/ports.ts'
import type { GitOperation } from '../supervisor/domain/meter.ts'
import { checkAgentName } from '../supervisor/domain/names.ts'
import { systemRandom } from '../supervisor/domain/time.ts'
import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import { ensureWorktree } from './git-add.ts'
import { checkSpec } from './git-check.ts'
import { diffOf } from './git-diff.ts'
import { oneAtATime } from './git-mutex.ts'
import { type Leaving, releaseWorktree, removeWorktree } from './git-remove.ts'
import type { LockPatience } from './git-run.ts'
import { type GitPlace, locateGit } from './git-place.ts'

type WorktreeOptions = Partial<
  Pick<LockPatience, 'lockTimeoutMs' | 'random'> &
    Pick<Worktrees, 'diff'> & { onLockRetry: (operation: GitOperation) => void }
>

/**
 * git worktrees, through simple-git's `raw` with fixed arguments. What a repository configures is
 * never run: hooks, fsmonitor, filters, diff programs. (At checkout the filters of the user's own
 * configuration do run, so that git-lfs works.) One operation at a time per repository; a lock that
 * another git holds is waited for, at most `lockTimeoutMs` (default 10 s). `diff`: where diffs are made,
 * by default in this thread. `onLockRetry`: told each time a lock was in the way.
 *
 * Unsaved work is never deleted: files that git does not ignore, what was staged, and commits that
 * no other ref reaches are kept as they are, byte by byte. Ignored files and empty folders are not.
 * Where work cannot be kept, as in a repository inside the worktree, nothing is removed.
 */
export function createWorktrees({
  lockTimeoutMs = 10_000,
  random = systemRandom,
  diff = diffOf,
  onLockRetry = () => {},
}: WorktreeOptions = {}): Worktrees {
  const patienceFor = (operation: GitOperation): LockPatience => ({
    lockTimeoutMs,
    random,
    onRetry: () => onLockRetry(operation),
  })
  const leaving = (
    operation: GitOperation,
    common: string,
    spec: AgentSpec,
    state: WorktreeState,
  ): Leaving => ({ common, agent: spec.id, state, patience: patienceFor(operation) })
  return {
    check: (spec) => told(() => failingAsync('worktree.check', () => checkSpec(spec))),
    diff: (path, base) => told(() => diff(path, base)),
    ensure: (spec, path, ownsBranch) =>
      told(() => {
        const place = repositoryOf(spec) ?? gone(spec)
        return oneAtATime(place.common, () =>
          failingAsync('worktree.ensure', () =>
            ensureWorktree(place, spec, path, ownsBranch, patienceFor('add')),
          ),
        )
      }),
    remove: (spec, state, { keepBranch }) =>
      told(async () => {
        const common = repositoryOf(spec)?.common
        // Without its repository a folder is only files, and those are not ours to delete.
        if (common === undefined) return null
        return oneAtATime(common, () =>
          failingAsync('worktree.remove', () =>
            removeWorktree(leaving('remove', common, spec, state), keepBranch),
          ),
        )
      }),
    release: (spec, state) =>
      told(() => {
        const { common } = repositoryOf(spec) ?? gone(spec)
        return oneAtATime(common, () =>
          failingAsync('worktree.release', () =>
            releaseWorktree(leaving('release', common, spec, state)),
          ),
        )
      }),
  }
}

/** Every error has a code: one of the disk becomes SQUADD_GIT. */
async function told<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof SquadError) throw error
    throw new SquadError('SQUADD_GIT', (error as Error).message, {}, error)
  }
}

function repositoryOf(spec: AgentSpec): GitPlace | undefined {
  checkAgentName(spec.id, 'id')
  return locateGit(spec.repo)
}

function gone(spec: AgentSpec): never {
  throw new SquadError('SQUADD_GIT', `repository ${spec.repo} is gone`, { hint: 'put it back' })
}
