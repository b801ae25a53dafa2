import type { AttemptOrder, FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { StopReason } from '../supervisor/domain/task.ts'
import { examine, oneLine, tailOptions } from './attempt-evidence.ts'
import { AttemptProcesses } from './attempt-processes.ts'
import { AttemptWindow } from './attempt-window.ts'
import { AttemptLife } from './attempt-life.ts'
import { sightOf } from './attempt-state.ts'
import type { GitEvidence } from './git-evidence.ts'
import { readMemo, removeLaunch, writeLaunch } from './launch-files.ts'
import type { LaunchMemo } from './launch-files.ts'
import { deleteFacts, readFacts, takeLatch } from './outbox.ts'
import type { Facts } from './outbox.ts'
import { lastOutputAt, readTail } from './output-tail.ts'
import { isAlive } from './processes.ts'
import type { Conversation } from './conversation.ts'
import type { Program } from './programs/program.ts'
import type { Pane, WindowId } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'
import { hasRun, isInvalid } from './verdict.ts'
import type { Ended } from './verdict.ts'
import type { Work } from './work.ts'

/** What an attempt needs of its host. */
export type AttemptPorts = {
  setup: HostSetup
  tmux: Tmux
  git: GitEvidence
  program: Program
  conversation: Conversation
  /** The machine was started anew since a host last had this agent. */
  isRebooted: boolean
  send: (message: FromHost) => void
}

/** A launcher that tmux shows may take this long to begin before the latch is taken from it. */
const patienceMs = 1000
/** A latch that could not be taken, as on a full disk, is tried again after this. */
const tryAgainMs = 1000
/** What a program left running gets at most this long between TERM and KILL. */
const sweepGraceMs = 2000

/** One attempt, from its launch or adoption until nothing of it is left. */
export class Attempt implements Work {
  readonly order: AttemptOrder
  readonly #ports: AttemptPorts
  readonly #processes: AttemptProcesses
  readonly #window: AttemptWindow
  readonly #life: AttemptLife
  #facts: Facts = { started: null, startedAt: null, exit: null, endedAt: null, hasSlot: false }
  #memo: LaunchMemo | null = null
  #patience: NodeJS.Timeout | null = null
  #isPatienceOver = false
  #tryAgain: NodeJS.Timeout | undefined
  #launching: Promise<void> = Promise.resolve()
  #opening: Promise<void> | null = null
  #stopping: Promise<void> = Promise.resolve()
  #sweeping: Promise<void> = Promise.resolve()

  constructor(order: AttemptOrder, ports: AttemptPorts) {
    this.order = order
    this.#ports = ports
    this.#life = new AttemptLife(ports.setup.dir, order.key)
    this.#processes = new AttemptProcesses(ports.setup.runPrefix, order.key)
    this.#window = new AttemptWindow(ports.tmux, order.key)
  }

  get isOpen(): boolean {
    return this.#life.isOpen
  }

  get whenCleaned(): Promise<void> {
    return this.#life.whenCleaned
  }

  get windowId(): WindowId | null {
    return this.#window.id
  }

  get programPid(): number | null {
    const { program } = this.#processes
    return program && isAlive(program) ? program.pid : null
  }

  outputAt(): Promise<number | null> {
    return Promise.resolve(lastOutputAt(this.#tail()))
  }

  /** Opens its window. Whatever fails, a verdict follows. */
  launch(): Promise<void> {
    return (this.#launching = this.#launch())
  }

  /** Recalls what an earlier host knew, and its window if that is among `panes`. */
  recall(panes: readonly Pane[]): void {
    const { dir, outbox } = this.#ports.setup
    const { key } = this.order
    this.#memo = readMemo(dir, key)
    this.#life.recall()
    const facts = readFacts(outbox, key)
    this.#processes.read(facts)
    this.#processes.paneIs(this.#window.find(panes, this.#processes.launcherPid))
  }

  /** Goes on with what was recalled: waits, judges, or ends what was to be stopped. */
  async resume(stop: StopReason | null): Promise<void> {
    await this.check()
    const reason = stop ?? this.#life.stop
    if (reason) await this.stop(reason)
  }

  /** Makes sure that it never runs; a verdict says so. */
  refuse(): void {
    this.#takeLatch()
    this.look()
  }

  /** Facts came: what do they say? */
  look(): void {
    if (!this.isOpen) return
    this.#read()
    const { exit, started } = this.#facts
    if (exit || started?.by === 'host') void this.check()
  }

  /** Something went away, or somebody asks: does it still go on? */
  async check(): Promise<void> {
    if (!this.isOpen) return
    this.#read()
    // First the process, then the facts again: a launcher leaves its last fact before it ends.
    const { isLauncherAlive } = this.#processes
    this.#read()
    const { isRebooted } = this.#ports
    const isPatienceOver = this.#isPatienceOver
    const isLaunched = this.#memo !== null
    const facts = this.#facts
    const sight = sightOf({ facts, isLaunched, isLauncherAlive, isRebooted, isPatienceOver })
    // Until tmux has said who the launcher is, one that nobody sees may live all the same.
    if (this.#opening && (sight.kind === 'lost' || sight.kind === 'take-latch')) {
      await this.#opening
      return this.check()
    }
    switch (sight.kind) {
      case 'goes-on':
        return
      case 'ended':
        return this.#conclude(sight.ended)
      case 'may-begin':
        this.#patience ??= setTimeout(() => {
          this.#isPatienceOver = true
          void this.check()
        }, patienceMs)
        return
      case 'take-latch':
        return this.#takeLatch() ? this.check() : undefined
      case 'lost':
        return this.#lose(sight.reason)
    }
  }

  /** Its window is gone: with its server, or because the launcher ended. */
  loseWindow(): Promise<void> {
    this.#window.lose()
    return this.check()
  }

  /**
   * TERM, after the grace KILL; resolves when the verdict is out. What had ended by itself before
   * keeps its own verdict.
   */
  async stop(reason: StopReason, graceMs = this.#ports.setup.stopGraceMs): Promise<void> {
    this.look()
    if (this.isOpen) {
      this.#stopFor(reason)
      const { started, hasSlot } = this.#facts
      if (!started && (hasSlot || this.#memo === null)) this.#takeLatch()
      this.look()
      this.#stopping = this.#stopping.then(() => this.#end(graceMs))
      await this.#stopping
    }
    await this.#life.whenReported
  }

  /** The store has it: removes every trace. */
  async clean(): Promise<void> {
    if (!this.#life.move('recorded')) return
    const { setup, send } = this.#ports
    const { key } = this.order
    await Promise.all([this.#launching, this.#stopping, this.#sweeping])
    // Without the latch a launcher that comes late would run: first it has to be gone.
    if (!hasRun(this.#facts)) await this.#processes.endLauncher()
    await this.#window.close()
    this.#processes.dismissLauncher()
    deleteFacts(setup.outbox, key)
    removeLaunch(setup.dir, key)
    this.#life.cleaned()
    send({ kind: 'cleaned', key })
  }

  async #launch(): Promise<void> {
    const { setup, git, program, conversation } = this.#ports
    const base = await git.base()
    // It may have been stopped meanwhile.
    if (!this.isOpen) return
    this.#processes.mark()
    try {
      this.#memo = writeLaunch(setup, this.order, program, {
        base,
        conversation: conversation.current,
        spent: conversation.spent,
      })
    } catch (error) {
      // Nothing of it ran: unless the order itself is wrong, as on a full disk, it can run later.
      const kind = isInvalid(error) ? 'refused' : 'not-started'
      return this.#conclude({ kind, reason: oneLine(error) })
    }
    await (this.#opening = this.#open())
    // A window that closes before we know which it is tells us nothing.
    if (this.#window.isLost || !this.#processes.isLauncherAlive) await this.check()
  }

  async #open(): Promise<void> {
    try {
      this.#processes.paneIs(await this.#window.open())
    } catch (error) {
      this.#log('warn', `its window did not open: ${oneLine(error)}`)
    } finally {
      this.#opening = null
    }
  }

  /** Now it is decided who ran it, or nobody. False where there was no room to say so, for now. */
  #takeLatch(): boolean {
    try {
      takeLatch(this.#ports.setup.outbox, this.order.key)
      return true
    } catch (error) {
      if (!this.#tryAgain) this.#log('warn', `its latch cannot be taken yet: ${oneLine(error)}`)
      clearTimeout(this.#tryAgain)
      this.#tryAgain = setTimeout(() => void this.check(), tryAgainMs)
      return false
    }
  }

  #stopFor(reason: StopReason): void {
    try {
      this.#life.stopFor(reason)
    } catch (error) {
      this.#log('warn', `another host would not know that it is stopped: ${oneLine(error)}`)
    }
  }

  #read(): void {
    const { key } = this.order
    this.#facts = readFacts(this.#ports.setup.outbox, key)
    this.#processes.read(this.#facts)
    const { program } = this.#processes
    if (!program || !this.#life.move('started')) return
    const at = Math.round(this.#facts.startedAt ?? Date.now())
    this.#ports.send({ kind: 'started', key, programPid: program.pid, at })
  }

  async #end(graceMs: number): Promise<void> {
    const isToldOf = () => {
      this.look()
      return !this.isOpen
    }
    await this.#processes.end(graceMs, () => !this.#processes.isLauncherAlive, isToldOf)
    if (!this.isOpen) return
    await this.#processes.endLauncher()
    await this.check()
  }

  async #lose(reason: string): Promise<void> {
    await this.#processes.end(0, () => true)
    this.look()
    if (!this.isOpen) return
    // The end mark says the same as the exit fact, where the outbox could not be written.
    const { end } = readTail(this.#tail())
    await this.#conclude(end ? { kind: 'exited', ...end } : { kind: 'lost', reason })
  }

  async #conclude(ended: Ended): Promise<void> {
    if (!this.#life.move('ended')) return
    if (this.#patience) clearTimeout(this.#patience)
    clearTimeout(this.#tryAgain)
    const { git, program, conversation } = this.#ports
    const { verdict, said } = await examine({
      order: this.order,
      program,
      ended,
      stop: this.#life.stop,
      facts: this.#facts,
      tail: this.#tail(),
      hasTerminal: !this.#window.isLost,
      git,
      memo: this.#memo,
      dir: this.#ports.setup.dir,
    })
    if (said?.isConversationLost) conversation.forget()
    else if (said?.conversation) conversation.begin(said.conversation, said.usage)
    this.#life.move('judged')
    this.#ports.send({ kind: 'verdict', verdict })
    this.#sweeping = this.#sweep()
  }

  /** Ends what the program left running; then the worktree is as the next attempt will find it. */
  async #sweep(): Promise<void> {
    await this.#stopping
    const { git, setup, send } = this.#ports
    if (!hasRun(this.#facts)) return
    const graceMs = Math.min(sweepGraceMs, setup.stopGraceMs)
    const { ended, left } = await this.#processes.endLeftovers(graceMs)
    if (ended > 0) send({ kind: 'orphans', key: this.order.key, count: ended })
    if (left.length > 0) this.#log('error', `would not end: ${left.map(({ pid }) => pid).join()}`)
    git.forget()
    void git.base()
  }

  #tail() {
    return tailOptions(this.#ports.setup, this.order.key, this.#memo)
  }

  #log(level: 'warn' | 'error', message: string): void {
    this.#ports.send({ kind: 'log', level, message: `${this.order.key}: ${message}` })
  }
}
