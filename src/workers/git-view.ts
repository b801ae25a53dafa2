import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { SquadError } from '../supervisor/domain/error.ts'
import { gitEnvironment } from './git-environment.ts'

/** Where git keeps one working tree: its own folder, and the one it shares with the others. */
export type GitPlace = { gitDir: string; common: string }

/**
 * A repository without its configuration, for one or a few git calls. `env` makes git take config,
 * attributes and hooks from a private folder instead of the repository, so that nothing a repository
 * can name (filters, fsmonitor, hooks, diff programs, includes) is ever run. Refs and objects are
 * the real ones.
 */
export type GitView = {
  dir: string
  env: Record<string, string>
  /** Further first arguments of its git calls. */
  options: readonly string[]
  /** git's message with the names of the real files. */
  real(message: string): string
  [Symbol.dispose](): void
}

/** Attributes that switch all filters off and leave line endings to git, as a commit wants them. */
export const asCommitted = '* -filter\n'
/** Attributes that keep every byte of a file as it is. */
export const asBytes = '* -filter -text -ident !eol !working-tree-encoding\n'

/** Finds the repository of a working tree by its `.git`, or a bare one. Undefined when none is there. */
export function locateGit(path: string): GitPlace | undefined {
  const dotGit = join(path, '.git')
  const stat = lstatSync(dotGit, { throwIfNoEntry: false })
  if (stat?.isFile()) {
    const [, target] = /^gitdir: (.+?)\n*$/s.exec(readFileSync(dotGit, 'utf8')) ?? []
    return target === undefined ? undefined : placeOf(resolve(path, target))
  }
  if (stat) return placeOf(dotGit)
  const bare = ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(path, name)))
  return bare ? placeOf(path) : undefined
}

/**
 * Finds the repository of a working tree and proves that the tree is the one git knows: its folder
 * is no symlink, and git's record points back at it. Throws SQUADD_GIT.
 */
export function locateWorktree(path: string): GitPlace {
  const place = lstatSync(path, { throwIfNoEntry: false })?.isDirectory()
    ? locateGit(path)
    : undefined
  if (place && (place.gitDir === place.common || pointsAt(place.gitDir, path))) return place
  throw new SquadError('SQUADD_GIT', `worktree ${path} is missing or is not what git made`, {
    cause: 'worktree_missing',
    hint: 'restart the agent to make it again; its branch is kept',
  })
}

/** Is `gitDir` git's record of a worktree at `path`? */
export function pointsAt(gitDir: string, path: string): boolean {
  const target = readLine(join(gitDir, 'gitdir'))
  return target !== undefined && settle(resolve(gitDir, target)) === settle(join(path, '.git'))
}

/** The path with the links of its folders resolved, but not of its last two parts. */
function settle(dotGit: string): string {
  const worktree = dirname(dotGit)
  const parent = dirname(worktree)
  const real = existsSync(parent) ? realpathSync(parent) : resolve(parent)
  return join(real, basename(worktree), basename(dotGit))
}

function placeOf(gitDir: string): GitPlace | undefined {
  if (!existsSync(join(gitDir, 'HEAD'))) return undefined
  const shared = readLine(join(gitDir, 'commondir'))
  const common = shared === undefined ? gitDir : resolve(gitDir, shared)
  if (!existsSync(join(common, 'objects'))) return undefined
  return { gitDir: realpathSync(gitDir), common: realpathSync(common) }
}

function readLine(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/\n+$/, '')
  } catch {
    return undefined
  }
}

/**
 * Opens a view; dispose of it after use. `worktree`: the files, null for refs and objects alone.
 * `scratch`: new objects go into the view and vanish with it.
 */
export function openView(
  place: GitPlace,
  worktree: string | null,
  { attributes = asCommitted, scratch = false } = {},
): GitView {
  const { gitDir, common } = place
  const dir = makeFolder(scratch)
  const objects = join(common, 'objects')
  mkdirSync(join(dir, 'info'))
  writeFileSync(join(dir, 'config'), plainConfig(common))
  writeFileSync(join(dir, 'info/attributes'), attributes)
  symlinkSync(join(common, 'info/exclude'), join(dir, 'info/exclude'))
  // packed-refs is linked even where it does not exist yet: git may make it at any time.
  for (const name of ['refs', 'packed-refs', 'shallow', 'logs', 'reftable'])
    if (name === 'packed-refs' || existsSync(join(common, name)))
      symlinkSync(join(common, name), join(dir, name))
  if (scratch) {
    mkdirSync(join(dir, 'objects/info'), { recursive: true })
    writeFileSync(join(dir, 'objects/info/alternates'), `${JSON.stringify(objects)}\n`)
  }
  return {
    dir,
    env: {
      ...gitEnvironment(),
      GIT_DIR: gitDir,
      GIT_COMMON_DIR: dir,
      GIT_OBJECT_DIRECTORY: scratch ? join(dir, 'objects') : objects,
      ...(worktree === null ? {} : { GIT_WORK_TREE: worktree }),
    },
    // What is kept is on the disk before anything is deleted.
    options: scratch
      ? ['-c', 'core.fsync=none']
      : ['-c', 'core.fsync=objects,reference', '-c', 'core.fsyncMethod=batch'],
    real: (message) => message.replaceAll(dir, common),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** A private folder: in memory where there is such a place, unless it may grow large. */
function makeFolder(large: boolean): string {
  const inMemory = large ? [] : [process.env['XDG_RUNTIME_DIR'], '/dev/shm']
  for (const parent of inMemory)
    try {
      if (parent) return mkdtempSync(join(parent, 'squadd-git-'))
    } catch {
      // Not there or not ours: the next will do.
    }
  return mkdtempSync(join(tmpdir(), 'squadd-git-'))
}

const plainKeys = {
  core: /^(repositoryformatversion|filemode|symlinks|ignorecase|autocrlf|eol|trustctime|checkstat)$/,
  extensions: /^(objectformat|refstorage)$/,
}

/** The keys of a repository's configuration that say how its files are kept, and no other. */
function plainConfig(common: string): string {
  const kept: string[] = []
  let section = ''
  for (const line of (readLine(join(common, 'config')) ?? '').split('\n')) {
    const heading = /^\s*\[([^\]]*)\]\s*$/.exec(line)
    if (heading) section = heading[1]!.toLowerCase()
    const [, key = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*([A-Za-z0-9]+)\s*$/.exec(line) ?? []
    if (section !== 'core' && section !== 'extensions') continue
    if (plainKeys[section].test(key.toLowerCase())) kept.push(`[${section}]\n${key} = ${value}\n`)
  }
  return kept.join('')
}
