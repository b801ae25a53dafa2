import { mkdirSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid } from '../supervisor/domain/error.ts'
import { asObjectId } from './git-args.ts'
import type { ObjectId } from './git-args.ts'
import { ask, git, resolveRevision } from './git-run.ts'
import { glance } from './git-snapshot.ts'
import { type GitPlace, locateWorktree } from './git-place.ts'
import { atRepository, type GitAt, openView, temporaryIn } from './git-view.ts'

const limitBytes = 16 * 1024 * 1024

/**
 * The unified diff from `base` to the files in the worktree, untracked ones as added, as bytes: what
 * is no UTF-8 in a file is none here. A full object
 * name is taken as it is; of any other name, read as in the repository itself, the point where the
 * worktree's history left it. At most 16 MiB; a last line starting with `#` says what is left out.
 * Runs no filter, textconv or diff program. Throws SQUADD_INVALID (`base`), SQUADD_GIT.
 */
export async function diffOf(path: string, base: string): Promise<Uint8Array> {
  const place = locateWorktree(path)
  const view = openView(place, path)
  using temporary = temporaryIn(view)
  const at = withOwnObjects(temporary.path, place, view)
  const from = await startOf(base, place, at)
  const { tree, problem } = await glance(place, path, at)
  const file = join(temporary.path, 'diff')
  const plain = [
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    '--src-prefix=a/',
    '--dst-prefix=b/',
  ] as const
  await git(['diff', ...plain, `--output=${file}`, from, tree], at)
  const start = await readStart(file)
  if (problem === null) return start
  return Buffer.concat([start, Buffer.from(`# not all files could be read: ${problem}\n`)])
}

/** New objects go into `dir` and vanish with it. */
function withOwnObjects(dir: string, { common }: GitPlace, at: GitAt): GitAt {
  mkdirSync(join(dir, 'objects/info'), { recursive: true })
  const real = JSON.stringify(join(common, 'objects'))
  writeFileSync(join(dir, 'objects/info/alternates'), `${real}\n`)
  return {
    ...at,
    env: { ...at.env, GIT_OBJECT_DIRECTORY: join(dir, 'objects') },
    options: ['-c', 'core.fsync=none'],
  }
}

async function startOf(base: string, place: GitPlace, view: GitAt): Promise<ObjectId> {
  const repository = atRepository({ ...place, gitDir: place.common })
  const commit = await resolveRevision(base, repository)
  if (commit === null)
    throw invalid('base', base, 'is no commit', 'name a branch, tag or commit of the repository')
  if (commit === base) return commit
  const head = await resolveRevision('HEAD', view)
  if (head === null) return commit
  const fork = await ask(['merge-base', commit, head], view)
  return fork === null ? commit : asObjectId(fork.trim())
}

async function readStart(file: string): Promise<Buffer> {
  await using handle = await open(file)
  const { size } = await handle.stat()
  const buffer = Buffer.alloc(Math.min(size, limitBytes))
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
  const text = buffer.subarray(0, bytesRead)
  if (size <= limitBytes) return text
  const note = Buffer.from(`# cut here: the whole diff has ${size} bytes\n`)
  return Buffer.concat([text.subarray(0, text.lastIndexOf(10) + 1), note])
}
