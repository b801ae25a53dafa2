import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { SquadError } from '../supervisor/domain/error.ts'
import { ControlModeReader } from './control-mode.ts'
import type { Notice } from './control-mode.ts'
import type { Command } from './tmux-commands.ts'
import { lobby, session } from './tmux-commands.ts'

export type ClientOptions = {
  socket: string
  /** Holds `tmux.conf`; tmux, its windows and its pipes run in it. */
  cwd: string
  env: Record<string, string>
  onWindowClosed: (window: string) => void
  /** Called once, with what tmux said. */
  onExit: (error: SquadError) => void
}

type Waiting = {
  count: number
  replies: string[][]
  resolve: (replies: string[][]) => void
  reject: (error: SquadError) => void
  timer: NodeJS.Timeout
}

/**
 * One `tmux -C` process: starts the server and the session if need be, and attaches. It lives until
 * tmux or we end it, and is not used again.
 */
export class ControlClient {
  readonly #options: ClientOptions
  readonly #child: ChildProcessWithoutNullStreams
  readonly #reader = new ControlModeReader()
  #waiting: Waiting[] = []
  /** What may be given only when the client has its session; null when it has. */
  #early: string[] | null = []
  #said = ''
  #exit: SquadError | null = null

  constructor(options: ClientOptions) {
    this.#options = options
    const { socket, cwd, env } = options
    const attach = ['new-session', '-A', '-s', session, '-n', 'lobby', '-x', '160', '-y', '40']
    this.#child = spawn(
      'tmux',
      ['-u', '-S', socket, '-f', 'tmux.conf', '-C', ...attach]
        // Without output a flood costs nothing, and a client whose host died goes at once.
        .concat('-f', 'no-output', 'sh', '-c', lobby),
      { cwd, env, stdio: 'pipe' },
    )
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const notice of this.#reader.read(text)) this.#heard(notice)
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = `${this.#said}${text}`.slice(-500)
    })
    // Its exit tells; without a listener the error would end this process.
    this.#child.stdin.on('error', () => {})
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#ended(error.code === 'ENOENT' ? missing : gone(error.message))
    })
    this.#child.on('close', () => this.#ended(gone(this.#said.trim())))
  }

  /**
   * Runs commands as one list and answers the lines of each. Throws SQUADD_TMUX when tmux refuses
   * one (the rest are not run) or goes away, SQUADD_TIMEOUT when it does not answer in time.
   */
  run(commands: readonly Command[], timeoutMs: number): Promise<string[][]> {
    return new Promise((resolve, reject) => {
      if (this.#exit) return reject(this.#exit)
      const timer = setTimeout(() => {
        // Replies are matched by order: one that may still come would be taken for another.
        const error = new SquadError('SQUADD_TIMEOUT', `tmux did not answer in ${timeoutMs} ms`)
        this.#rejectAll(error)
        this.kill()
      }, timeoutMs)
      this.#waiting.push({ count: commands.length, replies: [], resolve, reject, timer })
      this.#give(`${commands.join(' ; ')}\n`)
    })
  }

  /** Ends this client; the server, its windows and programs go on. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** tmux may read a command before the session is there: then it would have no target. */
  #give(line: string): void {
    if (this.#early) this.#early.push(line)
    else this.#child.stdin.write(line)
  }

  #attached(): void {
    const early = this.#early ?? []
    this.#early = null
    for (const line of early) this.#give(line)
  }

  #heard(notice: Notice): void {
    if (notice.kind === 'attached') return this.#attached()
    if (notice.kind === 'window-closed') return this.#options.onWindowClosed(notice.window)
    if (notice.kind === 'refused') {
      this.#said = notice.message
      return
    }
    const first = this.#waiting[0]
    if (!first) return
    first.replies.push(notice.lines)
    if (notice.ok && first.replies.length < first.count) return
    this.#waiting.shift()
    clearTimeout(first.timer)
    if (notice.ok) first.resolve(first.replies)
    else first.reject(new SquadError('SQUADD_TMUX', `tmux refused: ${notice.lines.join(' ')}`))
  }

  #ended(error: SquadError): void {
    if (this.#exit) return
    this.#exit = error
    this.#rejectAll(error)
    this.#options.onExit(error)
  }

  #rejectAll(error: SquadError): void {
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      reject(error)
    }
  }
}

const missing = new SquadError('SQUADD_BAD_CONFIG', 'tmux was not found', {
  hint: 'install tmux 3.2 or newer and have it in PATH',
})

const gone = (message: string): SquadError =>
  new SquadError('SQUADD_TMUX', `tmux went away${message === '' ? '' : `: ${message}`}`)
