import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { scratch } from './api.ts'
import { bin } from './cli.ts'

type Test = { teardown(end: () => unknown): void }

const conf = `set -g status off
set -s escape-time 0
set -g default-terminal tmux-256color
set -g update-environment ''
`

const limitMs = 60_000

/** A real terminal, tmux, in which a person runs squadd and looks. */
export class Terminal {
  readonly #socket: string
  readonly #news = new EventEmitter()
  #outputs = 0

  /** Runs a command line of squadd in `home`; its exit code is shown at the end as `[exit N]`. */
  constructor(
    t: Test,
    home: string,
    args: readonly string[],
    { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: object } = {},
  ) {
    const dir = scratch(t)
    this.#socket = join(dir, 'tmux')
    writeFileSync(join(dir, 'tmux.conf'), conf)
    const { NODE_OPTIONS: _, TMUX: _outer, ...rest } = process.env
    const all = { ...rest, SQUADD_HOME: home, ...env }
    const script = '"$@"; echo "[exit $?]"; exec cat'
    const size = ['-x', String(columns), '-y', String(rows)]
    const words = ['sh', '-c', script, 'sh', process.execPath, bin, ...args]
    execFileSync(
      'tmux',
      [...this.#where, '-f', join(dir, 'tmux.conf'), 'new-session', '-d', ...size, '--', ...words],
      { env: all },
    )
    this.#tmux('set-option', 'window-size', 'manual')
    // Tells of each output, so that nobody has to look again and again.
    const control = spawn('tmux', [...this.#where, '-C', 'attach'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    createInterface({ input: control.stdout }).on('line', (line) => {
      if (!line.startsWith('%output') && !line.startsWith('%layout')) return
      this.#outputs += 1
      this.#news.emit('output')
    })
    t.teardown(async () => {
      const ended = once(control, 'exit')
      this.#tmux('kill-server')
      await ended
    })
  }

  get #where(): string[] {
    return ['-S', this.#socket]
  }

  #tmux(...args: string[]): string {
    return String(execFileSync('tmux', [...this.#where, ...args]))
  }

  screen(): string {
    return this.#tmux('capture-pane', '-p')
  }

  /** The screen, once it shows that. Throws with what is there instead after a minute. */
  async shows(what: RegExp, isThere = true): Promise<string> {
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      const seen = this.#outputs
      const screen = this.screen()
      if (what.test(screen) === isThere) return screen
      if (seen !== this.#outputs) continue
      await once(this.#news, 'output', { signal: limit }).catch(() => {
        throw new Error(`${isThere ? 'no' : 'still'} ${what} on the screen:\n${this.screen()}`)
      })
    }
  }

  /** Presses keys by their names in tmux: `Down`, `q`, `C-c`. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys)
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Of the terminal: `alternate_on`, `cursor_flag`, … */
  ask(name: string): string {
    return this.#tmux('display-message', '-p', `#{${name}}`).trim()
  }
}
