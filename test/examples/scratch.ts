// For the examples only: a repository to work in, and a task that runs until it is let go.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A git repository with one commit, in a temporary folder. */
export function scratchRepository() {
  const folder = mkdtempSync(join(tmpdir(), 'squadd-example-'))
  const path = join(folder, 'repo')
  const who = ['-c', 'user.name=example', '-c', 'user.email=example@localhost']
  execFileSync('git', ['init', '-q', path])
  execFileSync('git', ['-C', path, ...who, 'commit', '-q', '--allow-empty', '-m', 'first'])
  let gates = 0
  return {
    path,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    /** `prompt` runs until `open` was called. */
    gate() {
      const file = join(folder, `gate${++gates}`)
      execFileSync('mkfifo', [file])
      return { prompt: `cat '${file}'`, open: () => writeFile(file, '') }
    },
  }
}
