import { locateGit } from '../../workers/git-place.ts'
import { git, resolveRevision } from '../../workers/git-run.ts'
import { atRepository } from '../../workers/git-view.ts'
import type { AgentSpec } from '../domain/agent.ts'

/** Are there commits on the agent's branch that no other branch or tag reaches? Throws SQUADD_GIT. */
export async function hasOwnCommits({ repo, branch }: AgentSpec): Promise<boolean> {
  const place = locateGit(repo)
  if (!place) return false
  const at = atRepository(place)
  const ref = `refs/heads/${branch}`
  const tip = await resolveRevision(ref, at)
  if (!tip) return false
  const places = ['refs/heads', 'refs/remotes', 'refs/tags'] as const
  const found = await git(['for-each-ref', '--format=%(refname)', '--contains', tip, ...places], at)
  return found.split('\n').every((name) => name === '' || name === ref)
}
