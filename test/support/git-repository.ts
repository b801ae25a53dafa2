import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { AgentSpec } from '../../src/supervisor/domain/agent.ts'
import { createAgent } from '../../src/supervisor/domain/agent.ts'

/**
 * A folder outside of any repository, for one test file; git runs without the configuration of the
 * user, temporary files go to `<folder>/tmp`.
 */
export function gitScratch(): string {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const dir = mkdtempSync(join(parent, 'squadd-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'tmp'))
  writeFileSync(join(dir, 'gitconfig'), '[init]\n\tdefaultBranch = main\n')
  process.env['TMPDIR'] = join(dir, 'tmp')
  process.env['GIT_CONFIG_GLOBAL'] = join(dir, 'gitconfig')
  process.env['GIT_CONFIG_NOSYSTEM'] = '1'
  return dir
}

/** What operations of ours should not have left in a folder: temporary files, views half made. */
export const leftovers = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^tmp\/|squadd-view(-bytes)?(\/tmp-|-\w{6}$)/.test(name),
  )

/** Plain git, as a person types it. */
export const git = (cwd: string, ...args: string[]): string => gitRaw(cwd, ...args).trimEnd()

/** The same, with every byte of its output. */
export function gitRaw(cwd: string, ...args: string[]): string {
  const env = { ...process.env, LC_ALL: 'C' }
  return execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: 'pipe' })
}

/** A repository with one commit: `a.txt`, `b.txt`, `.gitignore` (`*.log`). */
export function makeRepository(dir: string, name: string): string {
  const repo = join(dir, name)
  mkdirSync(repo)
  git(repo, 'init', '-q')
  git(repo, 'config', 'user.name', 'Ada')
  git(repo, 'config', 'user.email', 'ada@example.org')
  writeFileSync(join(repo, 'a.txt'), 'one\ntwo\n')
  writeFileSync(join(repo, 'b.txt'), 'b\n')
  writeFileSync(join(repo, '.gitignore'), '*.log\n')
  git(repo, 'add', '.')
  git(repo, 'commit', '-qm', 'first')
  return repo
}

export const agentOf = (repo: string, id: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  ...createAgent({ id, repo }),
  ...more,
})
