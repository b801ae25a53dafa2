import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

const conf = `set -s exit-empty off
set -s escape-time 0
set -g default-terminal tmux-256color
set -g status off
set -g remain-on-exit on
set -g update-environment ''
`

export type Death = { status: number | null; signal: number | null }

/** One program in a tmux of its own. */
export class Terminal {
  readonly #socket: string
  readonly #dir: string
  #env: Record<string, string> = {}

  constructor(dir: string) {
    this.#dir = dir
    this.#socket = join(dir, 'tmux')
    writeFileSync(join(dir, 'tmux.conf'), conf)
  }

  async #tmux(...args: string[]): Promise<string> {
    const all = ['-S', this.#socket, '-f', join(this.#dir, 'tmux.conf'), ...args]
    const { stdout } = await execa('tmux', all, { env: this.#env, extendEnv: false })
    return stdout
  }

  /** Starts the program and answers the pid of its pane. */
  async start(argv: string[], cwd: string, env: Record<string, string>): Promise<number> {
    this.#env = env
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const run = ['env', '-i', ...variables, 'TERM=tmux-256color', ...argv]
    const size = ['-x', '120', '-y', '40']
    await this.#tmux('new-session', '-d', '-s', 'rec', ...size, '-c', cwd, '--', ...run)
    return Number(await this.#ask('#{pane_pid}'))
  }

  #ask(format: string): Promise<string> {
    return this.#tmux('display-message', '-p', '-t', 'rec', format)
  }

  async paste(text: string): Promise<void> {
    const file = join(this.#dir, 'paste')
    writeFileSync(file, text)
    await this.#tmux('load-buffer', file, ';', 'paste-buffer', '-p', '-r', '-d', '-t', 'rec')
  }

  async key(name: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'rec', name)
  }

  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-t', 'rec')).replace(/\s+$/, '')
  }

  /** Its title, and how it ended. */
  async look(): Promise<{ title: string; death: Death | null }> {
    const format = '#{pane_dead}|#{pane_dead_status}|#{pane_dead_signal}|#{pane_title}'
    const [dead, status, signal, ...title] = (await this.#ask(format)).split('|')
    const number = (text = '') => (text === '' ? null : Number(text))
    const death = dead === '1' ? { status: number(status), signal: number(signal) } : null
    return { title: title.join('|'), death }
  }

  async close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => {})
  }
}
