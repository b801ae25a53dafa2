import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { SquadError } from '../supervisor/domain/error.ts'
import { asSquadError } from '../supervisor/domain/error.ts'
import type {
  AttemptKey,
  AttemptOrder,
  FromHost,
  HostSetup,
  ToHost,
} from '../supervisor/domain/message.ts'
import { Attempt } from './attempt.ts'
import { Conversation } from './conversation.ts'
import { terminalEnvironment } from './environment.ts'
import { GitEvidence } from './git-evidence.ts'
import { takeHostLock } from './host-lock.ts'
import { launchedKeys } from './launch-files.ts'
import { Inquiries } from './inquiries.ts'
import { Interactive } from './interactive.ts'
import { keyOfFact, keysIn } from './outbox.ts'
import { pipeScript } from './output-record.ts'
import { bootId } from './processes.ts'
import type { Program } from './programs/program.ts'
import { programOf, terminalOf } from './programs/programs.ts'
import { Screens } from './screen.ts'
import { endProcesses } from './stop-ladder.ts'
import { listPanes, parsePanes, tmuxConf } from './tmux-commands.ts'
import { agentProcesses } from './tmux-processes.ts'
import { Tmux } from './tmux.ts'
import type { Work } from './work.ts'

/** How long an ending agent waits for the store's answer to its last verdict. */
const lastAnswerMs = 2000
/** What is left of an attempt that no longer counts gets at most this long to go. */
const strayGraceMs = 2000
/** git is read for the first attempt when the agent has come up and is quiet. */
const quietMs = 1000

export type SessionPorts = {
  send: (message: FromHost) => void
  /** Ends the host, once everything that was sent is out. */
  exit: (code: number) => void
}

/** One agent's life in its host. It holds no truth: whatever it knows, the next host can find out. */
export class Session {
  readonly #setup: HostSetup
  readonly #ports: SessionPorts
  readonly #tmux: Tmux
  readonly #git: GitEvidence
  readonly #program: Program
  readonly #conversation: Conversation
  readonly #screens: Screens
  /** Its program, when that goes on from task to task. */
  readonly #interactive: Interactive | null
  readonly #inquiries: Inquiries
  readonly #attempts = new Map<AttemptKey, Work>()
  #isRebooted = false
  #started: Promise<void> = Promise.resolve()

  constructor(setup: HostSetup, ports: SessionPorts) {
    this.#setup = setup
    this.#ports = ports
    this.#git = new GitEvidence(setup.worktree)
    this.#program = programOf(setup.spec.program)
    this.#conversation = new Conversation(setup, this.#program, ports.send)
    this.#tmux = new Tmux({
      socket: setup.socket,
      cwd: setup.dir,
      env: terminalEnvironment(setup.env),
      runPrefix: setup.runPrefix,
      onWindowClosed: (window) => this.#windowClosed(window),
      onRestored: (isSameServer) => this.#tmuxIsBack(isSameServer),
      onLost: (error) => this.#break(error),
    })
    this.#screens = new Screens(this.#tmux, setup.dir)
    this.#interactive = setup.spec.mode === 'interactive' ? this.#makeInteractive() : null
    this.#inquiries = new Inquiries({
      ...{ tmux: this.#tmux, screens: this.#screens, interactive: this.#interactive },
      open: () => [...this.#attempts.values()].find(({ isOpen }) => isOpen),
      send: ports.send,
    })
  }

  #makeInteractive(): Interactive {
    return new Interactive(this.#setup, {
      tmux: this.#tmux,
      screens: this.#screens,
      terminal: terminalOf(this.#setup.spec.program),
      git: this.#git,
      conversation: this.#conversation,
      send: this.#ports.send,
    })
  }

  /** Attaches, adopts, says `ready`; or says `broken` and ends the host. */
  start(): void {
    this.#started = this.#start().catch((error: unknown) => this.#break(asSquadError(error)))
  }

  /** Messages wait until the start is done. */
  async receive(message: ToHost): Promise<void> {
    await this.#started
    switch (message.kind) {
      case 'init':
        return
      case 'run':
        return this.#run(message.order)
      case 'stop-attempt':
        return this.#attempts.get(message.key)?.stop(message.reason)
      case 'facts':
        for (const key of new Set(message.names.map(keyOfFact)))
          if (key !== undefined) this.#attempts.get(key)?.look()
        return this.#interactive?.live.look()
      case 'scan':
        this.#interactive?.live.look()
        for (const attempt of this.#attempts.values()) await attempt.check()
        return
      case 'recorded':
        return this.#clean(message.key)
      case 'probe':
      case 'screen':
      case 'answer':
      case 'type':
        return this.#inquiries.answer(message)
      case 'end':
        return this.#end()
    }
  }

  async #start(): Promise<void> {
    const { dir, outbox, logs, outputLimitBytes, socket } = this.#setup
    for (const folder of [dir, outbox, join(dir, 'launch'), logs])
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    await takeHostLock(join(dir, 'host.lock'))
    this.#conversation.recall()
    this.#isRebooted = notesBoot(join(dir, 'boot'))
    writeFileSync(join(dir, 'tmux.conf'), tmuxConf, { mode: 0o600 })
    writeFileSync(join(dir, 'pipe.sh'), pipeScript(logs, outputLimitBytes), { mode: 0o600 })
    await this.#tmux.open(existsSync(socket))
    await this.#adopt()
    setTimeout(() => void this.#git.base(), quietMs).unref()
  }

  /** Takes over what earlier hosts left; says `ready` when no stray program is in the worktree. */
  async #adopt(): Promise<void> {
    const { current, dir, outbox } = this.#setup
    const panes = await this.#panes()
    await this.#interactive?.recall(panes, this.#isRebooted)
    const isCurrent = (key: AttemptKey) => key === current?.order.key
    const strays = [...new Set([...keysIn(outbox), ...launchedKeys(dir)])]
      .filter((key) => !isCurrent(key))
      .map((key) => this.#open({ key, prompt: '', verify: null }))
    for (const stray of strays) {
      stray.recall(panes)
      await stray.stop('preempted', Math.min(strayGraceMs, this.#setup.stopGraceMs))
    }
    const adopted = current && this.#open(current.order)
    adopted?.recall(panes)
    this.#ports.send({
      kind: 'ready',
      tmuxPid: this.#tmux.pid,
      adopted: adopted?.order.key ?? null,
      programPid: adopted?.programPid ?? null,
    })
    // Whatever begins from now on belongs to this boot.
    this.#isRebooted = false
    await adopted?.resume(current?.stop ?? null)
    this.#interactive?.warmUp()
  }

  async #run(order: AttemptOrder): Promise<void> {
    if (this.#attempts.has(order.key)) return
    const isBusy = [...this.#attempts.values()].some(({ isOpen }) => isOpen)
    const attempt = this.#open(order)
    // Two programs in one worktree would be worse than a task that waits.
    return isBusy ? attempt.refuse() : attempt.launch()
  }

  #open(order: AttemptOrder): Work {
    const work =
      this.#interactive?.turn(order) ??
      new Attempt(order, {
        setup: this.#setup,
        tmux: this.#tmux,
        git: this.#git,
        program: this.#program,
        conversation: this.#conversation,
        isRebooted: this.#isRebooted,
        send: this.#ports.send,
      })
    this.#attempts.set(order.key, work)
    return work
  }

  async #clean(key: AttemptKey): Promise<void> {
    await this.#attempts.get(key)?.clean()
    this.#attempts.delete(key)
  }

  #windowClosed(window: string): void {
    for (const attempt of this.#attempts.values())
      if (attempt.windowId === window) void attempt.loseWindow()
    this.#interactive?.live.windowClosed(window)
  }

  #tmuxIsBack(isSameServer: boolean): void {
    this.#ports.send({
      kind: 'log',
      level: 'warn',
      message: isSameServer ? 'attached to tmux again' : 'the tmux server died; another is up',
    })
    for (const attempt of this.#attempts.values())
      void (isSameServer ? attempt.check() : attempt.loseWindow())
    if (!isSameServer) this.#interactive?.live.tmuxLost()
  }

  async #panes() {
    const [lines = []] = await this.#tmux.run(listPanes())
    return parsePanes(lines)
  }

  async #end(): Promise<void> {
    const { runPrefix, socket } = this.#setup
    const attempts = [...this.#attempts.values()]
    this.#interactive?.live.close()
    await Promise.all(attempts.map((attempt) => attempt.stop('preempted')))
    const cleaned = Promise.all(attempts.map((attempt) => attempt.whenCleaned))
    await Promise.race([cleaned, delay(lastAnswerMs)])
    await this.#interactive?.live.end('the agent is being ended')
    await this.#tmux.end()
    const left = await endProcesses({ find: () => agentProcesses(runPrefix), graceMs: 0 })
    rmSync(socket, { force: true })
    this.#ports.send({ kind: 'ended', leftovers: left.map(({ pid }) => pid) })
    this.#ports.exit(0)
  }

  #break(error: SquadError): void {
    const hint = error.data.hint ?? 'look into the log'
    this.#ports.send({ kind: 'broken', message: error.message, hint })
    this.#ports.exit(1)
  }
}

/** Notes this boot of the machine; true when an earlier host noted another one. */
function notesBoot(file: string): boolean {
  const before = existsSync(file) ? readFileSync(file, 'utf8').trim() : null
  if (before !== bootId()) writeFileSync(file, `${bootId()}\n`, { mode: 0o600, flush: true })
  return before !== null && before !== bootId()
}
