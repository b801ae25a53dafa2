import type { HostSetup } from '../supervisor/domain/message.ts'
import { AttemptProcesses } from './attempt-processes.ts'
import type { Conversation } from './conversation.ts'
import { readObject } from './file-follow.ts'
import { HookInbox } from './hook-inbox.ts'
import { newLaunchKey } from './hooks.ts'
import type { HookSignal, LaunchKey } from './hooks.ts'
import { removeLaunch, writeProgramLaunch } from './launch-files.ts'
import { deleteFacts, readFacts } from './outbox.ts'
import type { Facts } from './outbox.ts'
import { notedProgram, noteProgram } from './program-note.ts'
import { identify, isAlive } from './processes.ts'
import type { Terminal, TerminalFacts } from './programs/terminal.ts'
import type { Signal } from './programs/turn.ts'
import type { Screens } from './screen.ts'
import { StartProblem, untilReady } from './ready.ts'
import type { StartView } from './ready.ts'
import {
  closeWindow,
  describePane,
  openProgram,
  parsePane,
  parsePanes,
  pressKey,
} from './tmux-commands.ts'
import type { Pane, PaneFacts, WindowId } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'

/** A conversation that cannot be gone on with is tried so often before a new one begins. */
const resumes = 2
const endGraceMs = 3000

export type LivePorts = {
  setup: HostSetup
  tmux: Tmux
  screens: Screens
  terminal: Terminal
  conversation: Conversation
  log: (message: string) => void
}

/**
 * An interactive program, alive in its window from task to task. It holds no truth: the next host
 * finds window, process and signals again.
 */
export class LiveProgram {
  readonly #ports: LivePorts
  readonly #hooks: HookInbox
  #key: LaunchKey | null = null
  #processes: AttemptProcesses
  #window: WindowId | null = null
  #starting: Promise<void> | null = null
  #isReady = false
  #isClosed = false
  #isTakenUp = false
  /** The program's record of its conversation, once a turn has shown where it is. */
  lastRecord: string | null = null
  /** Who is told what the program shows of itself; a turn, while there is one. */
  onSignal: ((signal: Signal) => void) | null = null

  constructor(ports: LivePorts) {
    this.#ports = ports
    this.#hooks = new HookInbox(ports.setup.outbox)
    this.#processes = this.#processesOf('p0')
  }

  get window(): WindowId | null {
    return this.#window
  }

  get pid(): number | null {
    const { program } = this.#processes
    return program && isAlive(program) ? program.pid : null
  }

  get env(): Readonly<Record<string, string>> {
    return this.#ports.setup.env
  }

  /** Names the running start; null when there is none. */
  get launch(): LaunchKey | null {
    return this.#key
  }

  /** Finds what an earlier host left. */
  recall(panes: readonly Pane[]): void {
    this.#key = notedProgram(this.#ports.setup.dir)
    if (this.#key === null) return
    this.#processes = this.#processesOf(this.#key)
    this.#facts()
    const { launcherPid } = this.#processes
    const pane = panes.find(({ pid }) => pid === launcherPid)
    this.#window = pane?.window ?? null
    this.#processes.paneIs(pane ? (identify(pane.pid) ?? null) : null)
  }

  /** Whether the start that was recalled goes on; else every trace of its processes is ended. */
  async verifyRecalled(): Promise<void> {
    if (this.#key === null || (this.#processes.isLauncherAlive && this.#window)) return
    await this.#processes.end(0, () => true)
    await this.#processes.endLauncher()
    this.look()
  }

  /** Starts it if need be; resolves when it takes a prompt. Throws StartProblem, SQUADD_TMUX. */
  ready(): Promise<void> {
    if (this.#isReady && this.#key !== null) return Promise.resolve()
    return (this.#starting ??= this.#bringUp().finally(() => (this.#starting = null)))
  }

  /** Tells signals that have come; finds out whether it still runs. */
  look(): void {
    if (this.#key === null) return
    const exit = this.#exitOf(this.#key)
    for (const signal of this.#hooks.fresh(this.#key)) this.onSignal?.(signal)
    // A person's own turns leave hooks too, and nobody waits for them.
    if (this.#isTakenUp && !this.onSignal) this.forgetHooks()
    if (exit !== null) this.#gone(exit)
  }

  /** All hooks of a start that are still there, oldest first; they are told here and not again. */
  hooksOf(launch: LaunchKey, since: number): HookSignal[] {
    return this.#hooks.all(launch).filter(({ at }) => at >= since)
  }

  /** The turn is recorded: its hooks have nothing left to tell. */
  forgetHooks(): void {
    this.#hooks.forget()
  }

  windowClosed(window: string): void {
    if (this.#window !== window) return
    this.#window = null
    void this.#lose('its window was closed')
  }

  /** tmux died and is back: the program has no terminal any more. */
  tmuxLost(): void {
    // A start that waits for tmux gets its window from the new one.
    if (this.#window === null) return
    this.#window = null
    void this.#lose('its terminal died')
  }

  async screen(): Promise<string> {
    return this.#window ? this.#ports.screens.read(this.#window) : ''
  }

  async pane(): Promise<PaneFacts> {
    if (!this.#window) return { isDead: true, isInMode: false, activeAt: 0, title: '' }
    const [lines = []] = await this.#ports.tmux.run(describePane(this.#window))
    return parsePane(lines)
  }

  /** What can be seen of it from outside. */
  async facts(): Promise<TerminalFacts> {
    const [screen, { title }] = await Promise.all([this.screen(), this.pane()])
    const { statusFile } = this.#ports.terminal
    const file = this.pid === null ? undefined : statusFile?.(this.pid, this.#ports.setup.env)
    return { screen, title, status: file === undefined ? null : readObject(file) }
  }

  /** Ends it: TERM, after the grace KILL. Resolves when nothing of it is left. */
  async end(reason: string, graceMs = endGraceMs): Promise<void> {
    const key = this.#key
    const processes = this.#processes
    if (key === null) return
    const grace = Math.min(graceMs, this.#ports.setup.stopGraceMs)
    await processes.end(grace, () => this.#key !== key || this.#exitOf(key) !== null)
    await processes.endLeftovers(0)
    this.look()
    if (this.#key === key) this.#gone(reason)
  }

  /** Whatever an earlier host had begun is taken up: hooks without a turn belong to nobody. */
  takenUp(): void {
    this.#isTakenUp = true
  }

  /** No start follows any more. */
  close(): void {
    this.#isClosed = true
  }

  async #bringUp(): Promise<void> {
    const { conversation, log } = this.#ports
    for (let tries = 1; ; tries++) {
      if (this.#key === null) await this.#start()
      try {
        await untilReady(this.#view())
        this.#isReady = true
        return
      } catch (error) {
        if (!(error instanceof StartProblem)) throw error
        // Ended by itself each time that it was to go on: what it should go on with is gone.
        const isLost = this.#key === null && conversation.current?.isBegun === true
        if (this.#key !== null) await this.end(error.message, 0)
        if (!isLost || this.#isClosed || tries > resumes) throw error
        log(`could not go on with its conversation (${tries}): ${error.message}`)
        if (tries === resumes) conversation.forget()
      }
    }
  }

  #view(): StartView {
    const { terminal, tmux } = this.#ports
    return {
      terminal,
      look: () => {
        this.look()
        if (this.#isClosed) return 'the agent is being ended'
        return this.#key === null ? (this.#exit ?? 'it has ended') : null
      },
      facts: async () => (this.#window ? this.facts() : null),
      hasSeen: (event) => this.#isRecalled || this.#hooks.hasSeen(event),
      press: async (key) => {
        if (this.#window) await tmux.run(pressKey(this.#window, key))
      },
    }
  }

  #isRecalled = true
  /** How the last start ended. */
  #exit: string | null = null

  async #start(): Promise<void> {
    const { setup, terminal, conversation, tmux } = this.#ports
    const key = newLaunchKey()
    this.#isRecalled = false
    this.#hooks.begin(key)
    writeProgramLaunch(setup, key, terminal, conversation.current)
    noteProgram(setup.dir, key)
    this.#key = key
    this.#processes = this.#processesOf(key)
    const [lines = []] = await tmux.run(openProgram(key))
    const [pane] = parsePanes(lines)
    this.#window = pane?.window ?? null
    this.#processes.paneIs(pane ? (identify(pane.pid) ?? null) : null)
  }

  /** How the start has ended, or null while it goes on. */
  #exitOf(key: LaunchKey): string | null {
    const { exit } = this.#facts()
    if (exit === null) return null
    if (!('status' in exit)) return 'the worktree is gone'
    if (exit.status === 127) return `${this.#ports.setup.spec.program} was not found`
    return `it ended with exit status ${exit.status} (${key})`
  }

  #facts(): Facts {
    const facts = readFacts(this.#ports.setup.outbox, this.#key ?? 'p0')
    this.#processes.read(facts)
    return facts
  }

  /** Its terminal is gone: nobody could talk with it any more. */
  async #lose(reason: string): Promise<void> {
    const key = this.#key
    // The next start may have begun meanwhile: it has others.
    const processes = this.#processes
    await processes.end(0, () => true)
    await processes.endLauncher()
    this.look()
    if (this.#key === key) this.#gone(reason)
  }

  #gone(reason: string): void {
    const { setup, log } = this.#ports
    const key = this.#key
    if (key === null) return
    const wasReady = this.#isReady
    this.#key = null
    this.#isReady = false
    const window = this.#window
    this.#window = null
    this.#exit = reason
    if (window) void this.#ports.tmux.run(closeWindow(window)).catch(() => {})
    this.#processes.dismissLauncher()
    noteProgram(setup.dir, null)
    deleteFacts(setup.outbox, key)
    removeLaunch(setup.dir, key)
    if (wasReady) log(`the program is gone: ${reason}`)
    this.onSignal?.({ source: 'gone', reason, at: Date.now() })
  }

  #processesOf(key: LaunchKey): AttemptProcesses {
    return new AttemptProcesses(this.#ports.setup.runPrefix, key)
  }
}
