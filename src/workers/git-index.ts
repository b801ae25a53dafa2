import { copyFile, lstat, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { asObjectId } from './git-args.ts'
import type { ObjectId } from './git-args.ts'
import { git } from './git-run.ts'
import type { GitAt } from './git-view.ts'

/**
 * The same with an index of its own in `dir`, a copy of the worktree's: what is added to it leaves the
 * agent's index alone.
 */
export async function withOwnIndex(gitDir: string, dir: string, at: GitAt): Promise<GitAt> {
  const own = join(dir, 'index')
  const before = await stat(join(gitDir, 'index')).catch(() => undefined)
  if (before) {
    await copyFile(join(gitDir, 'index'), own)
    // The copy must not look younger than a file changed since: git would not read that file again.
    const second = Math.floor(before.mtimeMs / 1000)
    await utimes(own, second, second)
    await copyFile(own, asItWas(own))
  }
  return { ...at, env: { ...at.env, GIT_INDEX_FILE: own } }
}

const asItWas = (index: string): string => `${index}-before`

/** The index as a tree; null while a conflict is in it. */
export async function indexTree(at: GitAt): Promise<ObjectId | null> {
  try {
    return await writeTree(at)
  } catch (error) {
    if ((await git(['ls-files', '--unmerged', '-z'], at)) !== '') return null
    throw error
  }
}

/** The index as a tree. */
export const writeTree = async (at: GitAt): Promise<ObjectId> =>
  asObjectId((await git(['write-tree'], at)).trim())

/** Takes back "assume unchanged" and "skip worktree" where a file is there: they hide changes. */
export async function showHidden(worktree: string, at: GitAt): Promise<void> {
  const entries = (await git(['ls-files', '-v', '-z'], at)).split('\0')
  const hidden = entries.filter((entry) => /^[a-zS] /.test(entry)).map((entry) => entry.slice(2))
  const present: string[] = []
  for (const name of hidden)
    if (await lstat(join(worktree, name)).catch(() => null)) present.push(name)
  for (const names of chunks(present))
    for (const flag of ['--no-assume-unchanged', '--no-skip-worktree'] as const)
      await git(['update-index', flag, '--', ...names], at)
}

/**
 * Takes back changes to files that are just as they were when git wrote them, to the nanosecond. git
 * compares seconds, so it reads again what is as young as its index, and without the filters of the
 * checkout (git-lfs) that looks like a change. `tree`: the index before files were added.
 */
export async function dropFalseChanges(worktree: string, tree: ObjectId, at: GitAt): Promise<void> {
  const asked = [
    'diff-index',
    '--cached',
    '--name-only',
    '-z',
    '--no-renames',
    '--diff-filter=M',
  ] as const
  const changed = (await git([...asked, tree], at)).split('\0').filter((name) => name !== '')
  const index = at.env['GIT_INDEX_FILE'] ?? ''
  const before = { ...at, env: { ...at.env, GIT_INDEX_FILE: asItWas(index) } }
  const listing = ['--literal-pathspecs', 'ls-files', '--stage', '--debug', '-z', '--'] as const
  for (const names of chunks(changed)) {
    const same: ('--cacheinfo' | `1${string}`)[] = []
    for (const found of (await git([...listing, ...names], before)).matchAll(entry)) {
      const [, mode, object, name = '', ...facts] = found
      const now = await factsOf(join(worktree, name))
      if (facts.every((fact, nth) => fact === now[nth]))
        same.push('--cacheinfo', `1${mode},${object},${name}`)
    }
    if (same.length > 0) await git(['update-index', ...same], at)
  }
}

const entry =
  /1(\d{5}) (\w+) 0\t([^\0]+)\0 {2}ctime: (\S+)\n {2}mtime: (\S+)\n {2}dev: \S+\tino: (\S+)\n.*\n {2}size: (\S+)\t/g

/** What the index keeps of a file: times in seconds and nanoseconds, number and size in 32 bits. */
async function factsOf(path: string): Promise<string[]> {
  const stat = await lstat(path, { bigint: true }).catch(() => undefined)
  if (!stat) return []
  const time = (ns: bigint) => `${ns / 1_000_000_000n}:${ns % 1_000_000_000n}`
  const low = (number: bigint) => String(number & 0xffff_ffffn)
  return [time(stat.ctimeNs), time(stat.mtimeNs), low(stat.ino), low(stat.size)]
}

/** An argv has a limit. */
const chunks = (names: string[]): string[][] =>
  Array.from({ length: Math.ceil(names.length / 200) }, (_, i) =>
    names.slice(200 * i, 200 * (i + 1)),
  )
