import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitView } from './git-view.ts'
import { git } from './git-run.ts'

/**
 * Names of files that are just as they were when git wrote them, to the nanosecond, with what the
 * index holds of them (`mode,object,name`). git itself compares seconds, so it reads again what is as
 * young as its index; without the filters and line endings of the checkout that looks like a change.
 */
export async function untouched(
  names: readonly string[],
  worktree: string,
  index: GitView,
): Promise<string[]> {
  const entries: string[] = []
  for (let i = 0; i < names.length; i += 200) {
    const some = names.slice(i, i + 200)
    const args = ['--literal-pathspecs', 'ls-files', '--stage', '--debug', '-z', '--', ...some]
    for (const match of (await git(args, index)).matchAll(entry)) {
      const [, mode, object, name, ...facts] = match
      const stat = await lstat(join(worktree, name!), { bigint: true }).catch(() => undefined)
      if (!stat) continue
      const [ctime, mtime] = [stat.ctimeNs, stat.mtimeNs].map(
        (ns) => `${ns / 1_000_000_000n}:${ns % 1_000_000_000n}`,
      )
      const now = [ctime, mtime, `${stat.ino & 0xffffffffn}`, `${stat.size & 0xffffffffn}`]
      if (now.every((fact, nth) => fact === facts[nth])) entries.push(`${mode},${object},${name}`)
    }
  }
  return entries
}

const entry =
  /(\d{6}) ([0-9a-f]+) 0\t([^\0]+)\0 {2}ctime: (\S+)\n {2}mtime: (\S+)\n {2}dev: \S+\tino: (\S+)\n {2}uid: \S+\tgid: \S+\n {2}size: (\S+)\tflags: \S+\n/g
