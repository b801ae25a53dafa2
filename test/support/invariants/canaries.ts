import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import type { Squadd } from '../squadd.ts'

type Kept = { path: string; hash: string }

/** I10 and I6: what belongs to others stands beside the squad, and unsaved work inside it. */
export class Canaries {
  readonly #squad: Squadd
  readonly #dir: string
  readonly #process: ChildProcess
  #kept: Kept[] = []

  constructor(squad: Squadd) {
    this.#squad = squad
    this.#dir = join(squad.dir, 'foreign')
    mkdirSync(this.#dir)
    // Whoever looks for what is the squad's by its folder must not take this for it.
    this.#process = spawn('sleep', ['86400'], {
      cwd: '/',
      env: { SQUADD_RUN_ID: 'other/a1/t1-1' },
      stdio: 'ignore',
    })
    squad.git('worktree', 'add', '-q', '-b', 'foreign', join(this.#dir, 'tree'))
    writeFileSync(join(this.#dir, 'tree', 'unsaved'), 'foreign work\n')
    writeFileSync(join(this.#dir, 'file'), 'foreign file\n', { mode: 0o600 })
    this.#tmux('new-session', '-d', '-s', 'sq', '-n', 't1', 'sleep', '86400')
  }

  /** Puts a file into a worktree that squadd must not lose; false when there is no worktree. */
  plant(worktree: string, name: string, text: string): boolean {
    if (!existsSync(worktree)) return false
    const path = join(worktree, name)
    writeFileSync(path, text)
    const how = { input: text }
    const hash = execaSync('git', ['-C', this.#squad.repo, 'hash-object', '--stdin'], how)
    this.#kept.push({ path, hash: hash.stdout })
    return true
  }

  /** Others may delete it from now on. */
  forget(worktree: string, name: string): void {
    this.#kept = this.#kept.filter(({ path }) => path !== join(worktree, name))
  }

  check(): string[] {
    const wrong: string[] = []
    const must = (isSo: boolean, what: string) => {
      if (!isSo) wrong.push(what)
    }
    must(
      this.#process.exitCode === null && this.#process.signalCode === null,
      'I10: a foreign process was ended',
    )
    must(
      this.#tmux('list-windows', '-t', 'sq', '-F', '#{window_name}') === 't1',
      'I10: a foreign tmux session is gone',
    )
    must(
      read(join(this.#dir, 'tree', 'unsaved')) === 'foreign work\n',
      'I10: a foreign worktree was changed',
    )
    must(
      this.#squad.git('rev-parse', 'foreign') === this.#squad.git('rev-parse', 'main'),
      'I10: a foreign branch moved',
    )
    must(read(join(this.#dir, 'file')) === 'foreign file\n', 'I10: a foreign file was changed')
    must(
      (statSync(join(this.#dir, 'file')).mode & 0o777) === 0o600,
      'I10: a foreign file has another mode',
    )
    return [...wrong, ...this.#lost()]
  }

  /** Ends them; a second time does nothing. */
  close(): void {
    this.#process.kill('SIGKILL')
    this.#tmux('kill-server')
  }

  #lost(): string[] {
    const missing = this.#kept.filter(({ path }) => !existsSync(path))
    if (missing.length === 0) return []
    const reachable = this.#squad.git('rev-list', '--objects', '--all')
    return missing
      .filter(({ hash }) => !reachable.includes(hash))
      .map(({ path }) => `I6: ${path} is lost: neither in its worktree nor under a ref`)
  }

  #tmux(...args: string[]): string {
    const socket = join(this.#dir, 'tmux.sock')
    return execaSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { reject: false }).stdout
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
