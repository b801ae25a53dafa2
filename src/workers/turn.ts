import { setTimeout as delay } from 'node:timers/promises'
import type { AttemptOrder, FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { StopReason } from '../supervisor/domain/task.ts'
import { nextAttemptState } from './attempt-state.ts'
import type { AttemptSignal, AttemptState } from './attempt-state.ts'
import { oneLine } from './attempt-evidence.ts'
import { AttemptProcesses } from './attempt-processes.ts'
import type { Conversation } from './conversation.ts'
import type { GitEvidence } from './git-evidence.ts'
import { readStop, removeLaunch, writeStop } from './launch-files.ts'
import type { LiveProgram } from './live-program.ts'
import type { Terminal } from './programs/terminal.ts'
import type { Question, TurnEnd } from './programs/turn.ts'
import { StartProblem } from './ready.ts'
import type { WindowId } from './tmux-commands.ts'
import { readTurn, writeTurn } from './turn-note.ts'
import type { TurnNote } from './turn-note.ts'
import { TurnSignals } from './turn-signals.ts'
import { turnVerdict } from './turn-verdict.ts'
import type { TurnedEnd } from './turn-verdict.ts'
import type { Typist } from './typist.ts'
import { covered, typeable } from './typist.ts'
import { verify } from './verify.ts'
import type { Ended } from './verdict.ts'
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

/** A program in use by a person, or by a turn of theirs, is waited for this long. */
const freeLimitMs = 60_000
/** From Enter to the program's own word that it has the prompt; then Enter once more. */
const proofMs = 3000
const enters = 4
/** After an interrupt without effect it is pressed again. */
const interruptMs = 3000
const interrupts = 3

/** One prompt in a program that goes on: typed, followed by its signals, judged at its end. */
export class Turn implements Work {
  readonly order: AttemptOrder
  readonly #ports: TurnPorts
  readonly #signals: TurnSignals
  #state: AttemptState = 'launching'
  #note: TurnNote | null = null
  #stop: StopReason | null = null
  #question: Question | null = null
  #whenMoved: (() => void)[] = []
  #setReported = () => {}
  readonly #whenReported = new Promise<void>((resolve) => (this.#setReported = resolve))
  #setCleaned = () => {}
  readonly whenCleaned = new Promise<void>((resolve) => (this.#setCleaned = resolve))

  constructor(order: AttemptOrder, ports: TurnPorts) {
    this.order = order
    this.#ports = ports
    this.#signals = new TurnSignals(ports.live, ports.terminal.detector, () => this.#moved())
  }

  get isOpen(): boolean {
    return this.#state === 'launching' || this.#state === 'running'
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
      await this.#ports.typist.alone(() => this.#type())
    } catch (error) {
      await this.#failedToStart(error)
    }
  }

  recall(): void {
    const { dir } = this.#ports.setup
    this.#stop = readStop(dir, this.order.key)
    this.#note = readTurn(dir, this.order.key)
  }

  async resume(stop: StopReason | null): Promise<void> {
    const reason = stop ?? this.#stop
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
    if (this.#signals.turn?.phase === 'typed') await this.#ports.typist.alone(() => this.#prove(1))
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
      const { dir } = this.#ports.setup
      if (this.#stop === null) writeStop(dir, this.order.key, reason)
      this.#stop ??= reason
      await this.#end(graceMs)
    }
    await this.#whenReported
  }

  async clean(): Promise<void> {
    if (!this.#move('recorded')) return
    const { setup, live, send } = this.#ports
    live.forgetHooks()
    removeLaunch(setup.dir, this.order.key)
    this.#setCleaned()
    send({ kind: 'cleaned', key: this.order.key })
  }

  #typed(): string {
    return typeable(this.order.prompt, this.#ports.terminal)
  }

  /** Never into a program in use, and not without its own word that it has the prompt. */
  async #type(): Promise<void> {
    const { live, typist } = this.#ports
    const obstacle = await typist.untilFree(freeLimitMs, () => !this.isOpen || this.#stop !== null)
    if (!this.isOpen || this.#stop !== null) return
    // A start of its own shows the box again; the conversation goes on.
    if (obstacle === covered) await live.end(obstacle)
    if (obstacle !== null) return this.#conclude({ kind: 'not-started', reason: obstacle })
    if (!(await typist.clear()))
      return this.#conclude({ kind: 'not-started', reason: 'a text stays in its input box' })
    const place = this.#signals.begin(this.#typed(), null)
    this.#keep({ ...this.#note!, phase: 'typing', launch: live.launch, at: Date.now(), ...place })
    const isThere = await typist.paste(this.order.prompt)
    if (!isThere || !this.isOpen || this.#stop !== null) return this.#takeBack()
    this.#keep({ ...this.#note!, phase: 'entered' })
    await typist.press('Enter')
    await this.#prove(enters)
  }

  /** Waits for the proof of submission; an Enter that was swallowed is pressed again. */
  async #prove(tries: number): Promise<void> {
    const { typist } = this.#ports
    for (let i = 1; i <= tries; i++) {
      if (await this.#isSubmitted(proofMs)) return
      // At a dialog Enter would approve: only where our text waits for it.
      if (!(await typist.holds(this.#typed()))) break
      if (i < tries) await typist.press('Enter')
    }
    if (await this.#isSubmitted(proofMs)) return
    if (await typist.holds(this.#typed())) return this.#takeBack()
    await this.#conclude({
      kind: 'lost',
      reason: 'it was typed, and nothing tells what came of it',
    })
  }

  /** Everything that was typed is still in the box. */
  async #takeBack(): Promise<void> {
    await this.#ports.typist.clear()
    await this.#conclude({ kind: 'not-started', reason: 'the program did not take the prompt' })
  }

  async #isSubmitted(withinMs: number): Promise<boolean> {
    const isOver = () => !this.isOpen || this.#signals.turn?.phase !== 'typed'
    await this.#until(isOver, withinMs)
    return isOver()
  }

  /** Resolves when `holds`, at the latest after `withinMs`. */
  async #until(holds: () => boolean, withinMs: number): Promise<void> {
    const limit = delay(withinMs, undefined, { ref: false }).then(() => true)
    while (!holds()) {
      const moved = new Promise<false>((resolve) => this.#whenMoved.push(() => resolve(false)))
      if (await Promise.race([moved, limit])) return
    }
  }

  #moved(): void {
    for (const moved of this.#whenMoved.splice(0)) moved()
    const { turn } = this.#signals
    if (!turn || !this.isOpen) return
    const { conversation, live, send } = this.#ports
    const { key } = this.order
    if (turn.conversation !== null) conversation.begin(turn.conversation)
    if (turn.phase !== 'typed' && this.#move('started'))
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
    if (end.isRunning) await this.#breakOff()
    const check =
      end.kind === 'completed' && argv && this.#stop === null
        ? await verify(argv, setup, key)
        : null
    await this.#conclude({ kind: 'turned', end, verify: check })
  }

  /** Interrupts it until it says that it has ended; when the grace is over, its program is ended. */
  async #end(graceMs: number): Promise<void> {
    const { live, typist, terminal } = this.#ports
    const isOver = () => !this.isOpen
    if (this.#note === null || this.#note.phase === 'waiting')
      return this.#conclude({ kind: 'not-started', reason: 'it was never typed' })
    const until = performance.now() + graceMs
    for (let left = graceMs; left > 0 && !isOver(); left = until - performance.now()) {
      if (this.#signals.turn?.phase !== 'typed')
        await typist.take(terminal.interrupt).catch(() => false)
      await this.#until(isOver, Math.min(interruptMs, left))
    }
    if (!isOver()) await live.end('it did not let itself be interrupted')
    // A prompt that was broken off at once returns to the box.
    else await typist.clear().catch(() => false)
  }

  /** Ends what has been judged already; what does not let itself be interrupted is ended whole. */
  async #breakOff(): Promise<void> {
    const { live, typist, terminal } = this.#ports
    for (let i = 0; i < interrupts && live.pid !== null; i++) {
      await typist.take(terminal.interrupt).catch(() => false)
      if (await typist.isFreeWithin(interruptMs)) return
    }
    await live.end('it did not let itself be interrupted')
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
    if (!this.#move('ended')) return
    for (const moved of this.#whenMoved.splice(0)) moved()
    this.#signals.close()
    const { setup, git, send } = this.#ports
    const verdict = await turnVerdict({
      ...{ order: this.order, ended, stop: this.#stop, setup, git },
      turn: this.#signals.turn,
      note: this.#note,
    })
    this.#move('judged')
    this.#setReported()
    send({ kind: 'verdict', verdict })
    git.forget()
    void git.base()
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

  #move(signalled: AttemptSignal): boolean {
    const next = nextAttemptState(this.#state, signalled)
    if (next === undefined) return false
    this.#state = next
    return true
  }
}
