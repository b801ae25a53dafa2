import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { AgentSpec } from '../supervisor/domain/agent.ts'
import { invalid, SquadError } from '../supervisor/domain/error.ts'
import { ask, git, resolveRevision } from './git-run.ts'
import { type GitPlace, locateGit } from './git-place.ts'
import { atFolder, atRepository, type GitAt } from './git-view.ts'

// Stricter than git, which allows `#(id)`, quotes and more.
const branchName = /^(?!refs\/|HEAD$)[\p{L}\p{N}_][\p{L}\p{N}._/+@-]{0,199}$/u

/** Checks repository, branch and base of a new agent; makes nothing. Throws SQUADD_INVALID. */
export async function checkSpec(spec: AgentSpec): Promise<void> {
  const place = await checkRepository(spec.repo)
  const at = atRepository(place)
  await checkBase(spec, at)
  await checkBranch(spec.branch, at)
}

async function checkRepository(repo: string): Promise<GitPlace> {
  const refuse = (problem: string, hint: string) => invalid('repo', repo, problem, hint)
  if (!isAbsolute(repo) || repo.includes('\0'))
    throw refuse('is not an absolute path', 'give the whole path')
  const found = await stat(repo).catch(() => undefined)
  if (!found) throw refuse('is not there', 'give the path of a git repository')
  if (!found.isDirectory()) throw refuse('is not a directory', 'give the path of a git repository')
  const place = locateGit(repo)
  if (!place) {
    const above = repositoryAbove(repo)
    throw refuse('is not a git repository', above ? `use ${above}` : 'run git init there first')
  }
  try {
    await git(['rev-parse', '--git-dir'], atFolder(repo))
  } catch (error) {
    if (!(error instanceof SquadError) || error.code !== 'SQUADD_GIT') throw error
    throw refuse('is refused by git', error.message)
  }
  return place
}

function repositoryAbove(path: string): string | undefined {
  const parent = dirname(path)
  if (parent === path) return undefined
  return existsSync(join(parent, '.git')) ? parent : repositoryAbove(parent)
}

async function checkBase({ repo, base }: AgentSpec, at: GitAt): Promise<void> {
  if (await resolveRevision(base, at)) return
  const anyRef = await git(['for-each-ref', '--count=1'], at)
  if (anyRef === '' && !(await resolveRevision('HEAD', at)))
    throw invalid('repo', repo, 'has no commit yet', 'make the first commit')
  throw invalid('base', base, 'is no commit', 'name a branch, tag or commit of the repository')
}

/** Throws SQUADD_INVALID for what is no name of a branch, or not one that is safe anywhere. */
export async function checkBranchName(branch: string, at: GitAt): Promise<void> {
  const isName = () => ask(['check-ref-format', `refs/heads/${branch}`], at)
  if (!branchName.test(branch) || (await isName()) === null)
    throw invalid('branch', branch, 'is not a branch name', 'use letters, digits, / _ . -')
}

async function checkBranch(branch: string, at: GitAt): Promise<void> {
  await checkBranchName(branch, at)
  const parents = branch.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))
  const patterns = parents.map((name) => `refs/heads/${name}` as const)
  // A pattern finds the ref itself and all below it.
  const taken = (await git(['for-each-ref', '--format=%(refname)', ...patterns], at)).split('\n')
  const inTheWay = taken.find(
    (ref) => (patterns as string[]).includes(ref) || ref.startsWith(`refs/heads/${branch}/`),
  )
  if (inTheWay === `refs/heads/${branch}`)
    throw invalid('branch', branch, 'exists', 'choose another --branch')
  if (inTheWay !== undefined)
    throw invalid('branch', branch, `cannot stand beside ${inTheWay}`, 'choose another --branch')
}
