import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gitEnvironment } from './git-environment.ts'
import type { GitPlace } from './git-place.ts'

/** Where a git call runs: folder, environment, further first arguments. */
export type GitAt = {
  dir: string
  env: Record<string, string>
  options: readonly string[]
  /** git's message with the names of the real files. */
  real(message: string): string
}

// What is kept is on the disk before anything is deleted.
const durably = ['-c', 'core.fsync=objects,reference', '-c', 'core.fsyncMethod=batch']

/** A folder, whose repository git finds by itself. */
export const atFolder = (dir: string, env: Record<string, string> = {}): GitAt => ({
  dir,
  env: { ...gitEnvironment(), ...env },
  options: durably,
  real: (message) => message,
})

/**
 * A repository as it is, for refs and commits alone: for those git runs nothing that is not switched
 * off in all our calls.
 */
export const atRepository = ({ gitDir, common }: GitPlace): GitAt =>
  atFolder(common, { GIT_DIR: gitDir })

const kinds = {
  /** No filter is run; line endings are git's, as a commit wants them. */
  committed: { folder: 'squadd-view', attributes: '* -filter\n' },
  /** Every byte of a file as it is. */
  bytes: {
    folder: 'squadd-view-bytes',
    attributes: '* -filter -text -ident !eol !working-tree-encoding\n',
  },
} as const

export type ViewKind = keyof typeof kinds

/**
 * A working tree without the configuration of its repository: git takes config, attributes and hooks
 * from a folder of ours, so that nothing a repository can name (filters, fsmonitor, hooks, diff
 * programs, includes) is ever run. Refs and objects are the real ones. The folder lies in git's own
 * for this worktree, goes with it, and is checked each time. `worktree`: null when the files are gone.
 */
export function openView(
  place: GitPlace,
  worktree: string | null,
  kind: ViewKind = 'committed',
): GitAt {
  const { gitDir, common } = place
  const { folder, attributes } = kinds[kind]
  const dir = join(gitDir, folder)
  makeFolder(dir, {
    files: { config: plainConfig(common), 'info/attributes': attributes },
    // packed-refs is linked even where it does not exist yet: git may make it at any time.
    links: ['refs', 'packed-refs', 'info/exclude', 'shallow', 'logs', 'reftable']
      .filter((name) => name === 'packed-refs' || existsSync(join(common, name)))
      .map((name) => [name, join(common, name)]),
  })
  return {
    dir,
    env: {
      ...gitEnvironment(),
      GIT_DIR: gitDir,
      GIT_COMMON_DIR: dir,
      GIT_OBJECT_DIRECTORY: join(common, 'objects'),
      ...(worktree === null ? {} : { GIT_WORK_TREE: worktree }),
    },
    options: durably,
    real: (message) => message.replaceAll(dir, common),
  }
}

/** A folder for the time of one operation. */
export function temporaryIn({ dir }: GitAt): { path: string } & Disposable {
  const path = mkdtempSync(join(dir, 'tmp-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

type Content = { files: Record<string, string>; links: [name: string, target: string][] }

function makeFolder(dir: string, content: Content): void {
  if (holds(dir, content)) return
  rmSync(dir, { recursive: true, force: true })
  const made = mkdtempSync(`${dir}-`)
  mkdirSync(join(made, 'info'))
  for (const [name, text] of Object.entries(content.files)) writeFileSync(join(made, name), text)
  for (const [name, target] of content.links) symlinkSync(target, join(made, name))
  try {
    renameSync(made, dir)
  } catch (error) {
    // Another process of ours made it in the same moment.
    rmSync(made, { recursive: true })
    if (!holds(dir, content)) throw error
  }
}

function holds(dir: string, { files, links }: Content): boolean {
  try {
    return (
      lstatSync(dir).isDirectory() &&
      Object.entries(files).every(
        ([name, text]) => readFileSync(join(dir, name), 'utf8') === text,
      ) &&
      links.every(([name, target]) => readlinkSync(join(dir, name)) === target)
    )
  } catch {
    return false
  }
}

const plainKeys = {
  core: /^(repositoryformatversion|filemode|symlinks|ignorecase|autocrlf|eol|trustctime|checkstat)$/,
  extensions: /^(objectformat|refstorage)$/,
}

/** The keys of a repository's configuration that say how its files are kept, and no other. */
function plainConfig(common: string): string {
  const kept: string[] = []
  let section = ''
  const file = join(common, 'config')
  if (!existsSync(file)) return ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const heading = /^\s*\[([^\]]*)\]\s*$/.exec(line)
    if (heading) section = heading[1]!.toLowerCase()
    const [, key = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*([A-Za-z0-9]+)\s*$/.exec(line) ?? []
    if (section !== 'core' && section !== 'extensions') continue
    if (plainKeys[section].test(key.toLowerCase())) kept.push(`[${section}]\n${key} = ${value}\n`)
  }
  return kept.join('')
}
