import { asSquadError, SquadError } from '../supervisor/domain/error.ts'
import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import { ControlClient } from './control-client.ts'
import { identify, signal } from './processes.ts'
import type { Identity } from './processes.ts'
import { endProcesses } from './stop-ladder.ts'
import type { Command } from './tmux-commands.ts'
import { killServer, serverPid } from './tmux-commands.ts'
import { agentVariable, tmuxProcesses } from './tmux-processes.ts'

const commandTimeoutMs = 10_000
const retryMs = { first: 50, longest: 2000, tries: 8 }

export type TmuxOptions = {
  socket: string
  /** Our own folder, not the worktree: every path given to tmux is relative to it. */
  cwd: string
  env: Record<string, string>
  runPrefix: string
  onWindowClosed: (window: string) => void
  /** Attached again after the client or the server died; then every window is gone. */
  onRestored: (isSameServer: boolean) => void
  /** tmux does not come back. */
  onLost: (error: SquadError) => void
}

/**
 * An agent's private tmux server, driven through one control client. The same command makes the
 * server, attaches to one that is there, and comes back after either died.
 */
export class Tmux {
  readonly #options: TmuxOptions
  #client: ControlClient | null = null
  /** Resolves when commands can be given. */
  #attached: Promise<void> = Promise.resolve()
  #server: Identity | null = null
  #isClosing = false
  #onClosed = () => {}

  constructor(options: TmuxOptions) {
    this.#options = options
  }

  /** The server's process id. */
  get pid(): number {
    return this.#server?.pid ?? 0
  }

  /**
   * Starts or finds the server. Clients that a dead host left are ended first: they would block it.
   * Throws SQUADD_TMUX or SQUADD_BAD_CONFIG.
   */
  async open(hasSocket: boolean): Promise<void> {
    if (hasSocket) {
      const { clients } = tmuxProcesses(this.#options.runPrefix)
      await endProcesses({ find: () => clients.filter((one) => identify(one.pid)), graceMs: 0 })
    }
    await failingAsync('tmux.open', () => this.#attach()).catch(async (error: unknown) => {
      if (!isTimeout(error)) throw error
      await this.#killServers()
      await this.#attach()
    })
  }

  /** Runs commands as one list; while tmux comes back it waits. Throws SQUADD_TMUX, SQUADD_TIMEOUT. */
  async run(...commands: Command[]): Promise<string[][]> {
    await this.#attached
    if (!this.#client) throw new SquadError('SQUADD_TMUX', 'tmux is not running')
    try {
      return await this.#client.run(commands, commandTimeoutMs)
    } catch (error) {
      // It hangs: the client has ended itself, a new server follows.
      if (isTimeout(error) && this.#server) signal(this.#server, 'SIGKILL')
      throw error
    }
  }

  /** Ends server and windows. Resolves when the client is gone. */
  async end(): Promise<void> {
    this.#isClosing = true
    const client = this.#client
    if (!client) return
    const closed = new Promise<void>((resolve) => (this.#onClosed = resolve))
    await client.run([killServer()], 2000).catch(() => this.#killServers())
    await closed
  }

  async #attach(): Promise<void> {
    const { socket, cwd, env, runPrefix, onWindowClosed } = this.#options
    const client = new ControlClient({
      socket,
      cwd,
      env: { ...env, [agentVariable]: runPrefix },
      onWindowClosed,
      onExit: (error) => this.#exited(client, error),
    })
    try {
      const [lines] = await client.run([serverPid()], commandTimeoutMs)
      const before = this.#server
      this.#server = identify(Number(lines?.[0])) ?? null
      this.#client = client
      if (before)
        this.#options.onRestored(
          before.start === this.#server?.start && before.pid === this.#server.pid,
        )
    } catch (error) {
      client.kill()
      throw error
    }
  }

  #exited(client: ControlClient, error: SquadError): void {
    if (this.#client !== client) return
    this.#client = null
    if (this.#isClosing) return this.#onClosed()
    this.#attached = this.#comeBack(error)
  }

  async #comeBack(error: SquadError): Promise<void> {
    let reason = error
    for (let i = 0, waitMs = retryMs.first; i < retryMs.tries && !this.#isClosing; i++) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      waitMs = Math.min(2 * waitMs, retryMs.longest)
      try {
        return await this.#attach()
      } catch (error) {
        reason = asSquadError(error)
        if (isTimeout(error)) await this.#killServers()
      }
    }
    if (!this.#isClosing) this.#options.onLost(reason)
  }

  async #killServers(): Promise<void> {
    const { runPrefix } = this.#options
    await endProcesses({ find: () => tmuxProcesses(runPrefix).servers, graceMs: 0 })
  }
}

const isTimeout = (error: unknown): boolean =>
  error instanceof SquadError && error.code === 'SQUADD_TIMEOUT'
