import type { AttemptOrder, FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { StopReason } from '../supervisor/domain/task.ts'
import { oneLine } from './attempt-evidence.ts'
import { AttemptLife } from './attempt-life.ts'
import { AttemptProcesses } from './attempt-processes.ts'
import type { Conversation } from './conversation.ts'
import type { GitEvidence } from './git-evidence.ts'
import { removeLaunch } from './launch-files.ts'
import { breakOff, interruptTurn } from './interruption.ts'
import type { LiveProgram } from './live-program.ts'
import type { Terminal } from './programs/terminal.ts'
import type { Question, TurnEnd } from './programs/turn.ts'
import { StartProblem } from './ready.ts'
import { prove, submit } from './submission.ts'
import type { SubmissionPorts, Unsubmitted } from './submission.ts'
import type { WindowId } from './tmux-commands.ts'
import { readTurn, writeTurn } from './turn-note.ts'
import type { TurnNote } from './turn-note.ts'
import { TurnSignals } from './turn-signals.ts'
import { turnVerdict } from './turn-verdict.ts'
import type { TurnedEnd } from './turn-verdict.ts'
import type { Typist } from './typist.ts'
import { typeable } from './typist.ts'
import { verify } from './verify.ts'
import type { Ended } from './verdict.ts'
import { Waiters } from './waiters.ts'
import type { Work } from './work.ts'

export type TurnPorts = {
  setup: HostSetup
  live: LiveProgram
  typist: Typist
  terminal: Terminal
  conversation: Conversation
  git: GitEvidence
  isRebooted: boolean
  send: (message: FromHost) => void
}

/** One prompt in a program that goes on: typed, followed by its signals, judged at its end. */
export class Turn implements Work {
  readonly order: AttemptOrder
  readonly #ports: TurnPorts
  readonly #signals: TurnSignals
  readonly #life: AttemptLife
  #note: TurnNote | null = null
  #question: Question | null = null
  readonly #waiters = new Waiters()

  constructor(order: AttemptOrder, ports: TurnPorts) {
    this.order = order
    this.#ports = ports
    this.#life = new AttemptLife(ports.setup.dir, order.key)
    this.#signals = new TurnSignals(ports.live, ports.terminal.detector, () => this.#moved())
  }

  get isOpen(): boolean {
    return this.#life.isOpen
  }

  get whenCleaned(): Promise<void> {
    return this.#life.whenCleaned
  }

  get windowId(): WindowId | null {
    return this.#ports.live.window
  }

  get programPid(): number | null {
    return this.#ports.live.pid
  }

  /** What the program asks a person now. */
  get question(): Question | null {
    return this.#question
  }

  async outputAt(): Promise<number | null> {
    return (await this.#ports.live.pane().catch(() => null))?.activeAt ?? null
  }

  async launch(): Promise<void> {
    const base = await this.#ports.git.base()
    if (!this.isOpen) return
    this.#keep({ phase: 'waiting', base, launch: null, at: Date.now(), record: null, offset: 0 })
    try {
      await this.#ports.live.ready()
      await this.#ports.typist.alone(() => this.#give(submit))
    } catch (error) {
      await this.#failedToStart(error)
    }
  }

  recall(): void {
    this.#life.recall()
    this.#note = readTurn(this.#ports.setup.dir, this.order.key)
  }

  async resume(stop: StopReason | null): Promise<void> {
    const reason = stop ?? this.#life.stop
    const note = this.#note
    const { live, isRebooted } = this.#ports
    if (note === null || note.phase === 'waiting' || note.launch === null)
      return this.#conclude({ kind: 'not-started', reason: 'it was never typed' })
    this.#signals.begin(this.#typed(), note)
    this.#signals.replay(live.hooksOf(note.launch, note.at))
    if (!this.isOpen) return
    if (live.launch !== note.launch) {
      const words = isRebooted ? 'the machine was started anew' : 'its program ended'
      return this.#conclude({ kind: 'lost', reason: `${words} while nobody watched` })
    }
    // The signals have moved it on, whatever it was in when it began here.
    this.#moved()
    if (this.#signals.turn?.phase === 'typed')
      await this.#ports.typist.alone(() => this.#give((ports) => prove(ports, 1)))
    if (reason) await this.stop(reason)
  }

  refuse(): void {
    void this.#conclude({ kind: 'not-started', reason: 'the agent had another task' })
  }

  look(): void {
    this.#ports.live.look()
  }

  async check(): Promise<void> {
    this.#ports.live.look()
    this.#signals.look()
  }

  async loseWindow(): Promise<void> {}

  async stop(reason: StopReason, graceMs = this.#ports.setup.stopGraceMs): Promise<void> {
    this.look()
    if (this.isOpen) {
      this.#life.stopFor(reason)
      await this.#end(graceMs)
    }
    await this.#life.whenReported
  }

  async clean(): Promise<void> {
    if (!this.#life.move('recorded')) return
    const { setup, live, send } = this.#ports
    live.forgetHooks()
    removeLaunch(setup.dir, this.order.key)
    this.#life.cleaned()
    send({ kind: 'cleaned', key: this.order.key })
  }

  #typed(): string {
    return typeable(this.order.prompt, this.#ports.terminal)
  }

  /** `submit`, or what is left to do of it. */
  async #give(work: (ports: SubmissionPorts) => Promise<Unsubmitted | null>): Promise<void> {
    const { live, typist } = this.#ports
    const unsubmitted = await work({
      ...{ live, typist, prompt: this.order.prompt, typed: this.#typed() },
      isOver: () => !this.isOpen || this.#life.stop !== null,
      isSubmitted: (withinMs) =>
        this.#waiters.until(() => !this.isOpen || this.#signals.turn?.phase !== 'typed', withinMs),
      begin: () => {
        const place = this.#signals.begin(this.#typed(), null)
        const { launch } = live
        this.#keep({ ...this.#note!, phase: 'typing', launch, at: Date.now(), ...place })
      },
      enter: () => this.#keep({ ...this.#note!, phase: 'entered' }),
    })
    if (unsubmitted) await this.#conclude(unsubmitted)
  }

  #moved(): void {
    this.#waiters.wake()
    const { turn } = this.#signals
    if (!turn || !this.isOpen) return
    const { conversation, live, send } = this.#ports
    const { key } = this.order
    if (turn.conversation !== null) conversation.begin(turn.conversation)
    if (turn.phase !== 'typed' && this.#life.move('started'))
      send({ kind: 'started', key, programPid: live.pid ?? 0, at: this.#note?.at ?? Date.now() })
    if (turn.question?.text !== this.#question?.text) {
      this.#question = turn.question
      send({ kind: 'asks', key, question: turn.question?.text ?? null })
    }
    if (turn.end) void this.#ended(turn.end)
  }

  async #ended(end: TurnEnd): Promise<void> {
    const { key, verify: argv } = this.order
    const { setup } = this.#ports
    if (end.isRunning) await breakOff(this.#ports)
    const check =
      end.kind === 'completed' && argv && this.#life.stop === null
        ? await verify(argv, setup, key)
        : null
    await this.#conclude({ kind: 'turned', end, verify: check })
  }

  async #end(graceMs: number): Promise<void> {
    if (this.#note === null || this.#note.phase === 'waiting')
      return this.#conclude({ kind: 'not-started', reason: 'it was never typed' })
    const hasEnded = (withinMs: number) => this.#waiters.until(() => !this.isOpen, withinMs)
    const isSubmitted = () => this.#signals.turn?.phase !== 'typed'
    await interruptTurn(this.#ports, hasEnded, isSubmitted, graceMs)
  }

  async #failedToStart(error: unknown): Promise<void> {
    if (error instanceof StartProblem)
      return this.#conclude({
        kind: 'turned',
        end: { kind: 'failed', cause: error.problem, reason: error.message, text: '' },
        verify: null,
      })
    const isTyped = this.#note !== null && this.#note.phase !== 'waiting'
    const kind = isTyped ? 'lost' : 'not-started'
    await this.#conclude({ kind, reason: oneLine(error) })
  }

  async #conclude(ended: Exclude<Ended, { kind: 'turned' }> | TurnedEnd): Promise<void> {
    if (!this.#life.move('ended')) return
    this.#waiters.wake()
    this.#signals.close()
    const { setup, git, send } = this.#ports
    const verdict = await turnVerdict({
      ...{ order: this.order, ended, stop: this.#life.stop, setup, git },
      turn: this.#signals.turn,
      note: this.#note,
    })
    this.#life.move('judged')
    send({ kind: 'verdict', verdict })
    git.forget()
    void git.base()
    if (this.order.verify === null) return
    // What the check of the task left running.
    const { ended: count } = await new AttemptProcesses(
      setup.runPrefix,
      this.order.key,
    ).endLeftovers(0)
    if (count > 0) send({ kind: 'orphans', key: this.order.key, count })
  }

  #keep(note: TurnNote): void {
    this.#note = note
    writeTurn(this.#ports.setup.dir, this.order.key, note)
  }
}
