import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa, execaSync } from 'execa'

/** SQUADD_BIN: the squadd that is tested, such as one that was installed, instead of this source. */
const source = process.env['SQUADD_BIN'] ?? resolve(import.meta.dirname, '../../bin/squadd.js')

export type Answer = { exitCode: number; stdout: string; stderr: string }

/** A squad in a folder of its own, used as a person would: through its command line. */
export class Squadd {
  readonly dir: string
  readonly home: string
  readonly repo: string
  readonly bin: string
  readonly #env: Record<string, string>

  /** `env`: what its commands have beyond the environment of the test; `bin`: another squadd. */
  constructor(env: Record<string, string> = {}, bin = source) {
    this.bin = bin
    this.#env = env
    this.dir = mkdtempSync(join(tmpdir(), 'squadd-'))
    this.home = join(this.dir, 'home')
    this.repo = join(this.dir, 'repo')
    this.configure({})
    execaSync('git', ['init', '-q', '-b', 'main', this.repo])
    writeFileSync(join(this.repo, 'README.md'), '# scratch\n')
    this.git('add', '.')
    this.git('commit', '-q', '-m', 'first')
  }

  /** Writes the configuration file; before the start. Whatever else the machine does, tasks go on. */
  configure(settings: Record<string, unknown>): void {
    mkdirSync(this.home, { recursive: true, mode: 0o700 })
    const file = { maxLoadPerCore: 0, ...settings }
    writeFileSync(join(this.home, 'config.json'), JSON.stringify(file))
  }

  git(...args: string[]): string {
    const who = ['-c', 'user.name=demo', '-c', 'user.email=demo@localhost']
    return execaSync('git', ['-C', this.repo, ...who, ...args]).stdout
  }

  /** Runs a command of squadd, whatever its exit code. */
  run(...args: string[]): Promise<Answer> {
    return this.runWith({ ...this.#env, SQUADD_HOME: this.home }, ...args)
  }

  /** The same with other variables. */
  async runWith(env: Record<string, string>, ...args: string[]): Promise<Answer> {
    // What a test runner loads into every Node is not for the daemon and its hosts.
    const { NODE_OPTIONS: _, ...rest } = process.env
    const { exitCode, stdout, stderr } = await execa(process.execPath, [this.bin, ...args], {
      reject: false,
      stdin: 'ignore',
      env: { ...rest, ...env },
      extendEnv: false,
      maxBuffer: 100_000_000,
    })
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }

  /** A command that goes on; the test ends it. */
  begin(...args: string[]): ChildProcess {
    const { NODE_OPTIONS: _, ...rest } = process.env
    const env = { ...rest, ...this.#env, SQUADD_HOME: this.home }
    return spawn(process.execPath, [this.bin, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  /** Runs a command with --json that must succeed. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.run(...args, '--json')
    if (exitCode !== 0) throw new Error(`squadd ${args.join(' ')}: exit ${exitCode}: ${stderr}`)
    return JSON.parse(stdout) as T
  }

  async pid(): Promise<number> {
    return (await this.json<{ pid: number }>('status')).pid
  }

  /** Everything of this squad that is still there: processes, sockets, worktrees. */
  leftovers(): string[] {
    const processes = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => this.#owns(pid))
      .map((pid) => `process ${pid} ${readProc(pid, 'cmdline').replaceAll('\0', ' ')}`)
    const sockets = listed(join(this.home, 'run')).map((name) => `socket ${name}`)
    const worktrees = this.git('worktree', 'list', '--porcelain')
      .split('\n')
      .filter((line) => line.startsWith('worktree ') && line !== `worktree ${this.repo}`)
    return [...processes, ...sockets, ...worktrees]
  }

  /** Ends the squad and removes its folder; `unmount` takes away what is mounted in it. */
  async remove(unmount = () => {}): Promise<void> {
    const { exitCode } = await this.run('stop', '--stop-agents')
    // Agents outlive a daemon that was stopped or killed: only one that runs can end them.
    if (exitCode === 3 && (await this.run('start')).exitCode === 0)
      await this.run('stop', '--stop-agents')
    unmount()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** What lies in `foreign` plays something that is none of the squad's. */
  #owns(pid: string): boolean {
    const text = readProc(pid, 'cmdline') + readProc(pid, 'environ')
    return text.includes(this.dir) && !text.includes(join(this.dir, 'foreign'))
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function listed(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
