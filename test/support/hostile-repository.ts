import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { git } from './git-repository.ts'

/**
 * Plants in a repository whatever git may be told to run; each leaves a file of its name when it is.
 * Attributes `filter=evil diff=evil merge=evil` reach the drivers.
 */
export function plantCommands(repo: string, dir: string) {
  const fired = join(dir, 'fired')
  const hooks = join(repo, '.git/hooks')
  for (const folder of [fired, hooks]) mkdirSync(folder, { recursive: true })
  const script = (file: string, name: string) => {
    writeFileSync(file, `#!/bin/sh\n: >'${join(fired, name)}'\ncat 2>/dev/null\nexit 0\n`)
    chmodSync(file, 0o755)
  }
  for (const name of [
    'post-checkout',
    'post-index-change',
    'reference-transaction',
    'pre-commit',
    'post-commit',
    'commit-msg',
    'prepare-commit-msg',
    'post-rewrite',
    'pre-auto-gc',
  ])
    script(join(hooks, name), name)
  const keys = [
    'core.fsmonitor',
    'core.sshCommand',
    'core.pager',
    'core.editor',
    'core.askPass',
    'core.alternateRefsCommand',
    'diff.external',
    'diff.evil.textconv',
    'diff.evil.command',
    'filter.evil.clean',
    'filter.evil.smudge',
    'filter.a=b.clean',
    'merge.evil.driver',
    'gpg.program',
    'credential.helper',
    'sequence.editor',
    'alias.status',
  ]
  const file = join(repo, '.git/evil')
  for (const key of keys) {
    const command = join(dir, `run ${key}`)
    script(command, key)
    git(repo, 'config', '--file', file, key, `'${command}'`)
  }
  git(repo, 'config', '--file', file, 'filter.evil.required', 'true')
  git(repo, 'config', '--file', file, 'commit.gpgSign', 'true')
  writeFileSync(join(repo, '.git/info/attributes'), '* filter=evil diff=evil\n')
  git(repo, 'config', 'include.path', 'evil')
  return {
    /** A folder of ours that the agent can write to: as if it had planted the same there. */
    plantView(gitDir: string) {
      for (const name of ['squadd-view', 'squadd-view-bytes']) {
        mkdirSync(join(gitDir, name, 'info'), { recursive: true })
        writeFileSync(join(gitDir, name, 'config'), `[include]\n\tpath = ${file}\n`)
        rmSync(join(gitDir, name, 'info/attributes'), { force: true })
      }
    },
    fired: () => readdirSync(fired),
    clear: () => rmSync(fired, { recursive: true }) ?? mkdirSync(fired),
  }
}
