import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { asObjectId, emptyTree } from './git-args.ts'
import { pathOf, readGit } from './git-read.ts'
import type { GitAt } from './git-view.ts'

// Above this git's own count is no use to anyone either: generated or binary.
const mostOfOne = 1_048_576
const mostOfAll = 16 * mostOfOne

type Lines = [name: string, inserted: number, deleted: number][]

/** Lines added and removed in tracked files since `commit`; null: since there was nothing. */
export async function trackedLines(commit: string | null, view: GitAt): Promise<Lines> {
  const how = ['--numstat', '-z', '--no-renames', '--no-ext-diff', '--no-textconv'] as const
  const from = commit === null ? emptyTree : asObjectId(commit)
  const args = ['diff', ...how, '--ignore-submodules=dirty', from] as const
  const found: Lines = []
  for (const line of (await readGit(args, view)).split('\0')) {
    const [, inserted, deleted, name] = /^(\d+|-)\t(\d+|-)\t(.+)$/s.exec(line) ?? []
    // `-` stands for a binary file.
    if (name !== undefined) found.push([name, Number(inserted) || 0, Number(deleted) || 0])
  }
  return found
}

/** Lines of untracked files, in those that are text and at most 1 MB. */
export async function untrackedLines(names: readonly string[], worktree: string): Promise<Lines> {
  const found: Lines = []
  let left = mostOfAll
  for (const name of names) {
    const { lines, bytes } = await linesOf(pathOf(worktree, name), left)
    left -= bytes
    found.push([name, lines, 0])
  }
  return found
}

async function linesOf(path: Buffer, left: number): Promise<{ lines: number; bytes: number }> {
  const nothing = { lines: 0, bytes: 0 }
  try {
    // A link is not followed, a pipe not waited for.
    await using file = await open(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    )
    const stat = await file.stat()
    if (!stat.isFile() || stat.size > Math.min(mostOfOne, left)) return nothing
    const text = await file.readFile()
    if (text.includes(0)) return { lines: 0, bytes: text.length }
    let lines = text.length > 0 && text.at(-1) !== 10 ? 1 : 0
    for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) lines++
    return { lines, bytes: text.length }
  } catch {
    return nothing
  }
}
