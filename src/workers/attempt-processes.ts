import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import type { Facts, StartedProcess } from './outbox.ts'
import type { PidMark } from './pid-mark.ts'
import { markPids } from './pid-mark.ts'
import { argumentsOf, bootId, descendants, isAlive, signal, startedWith } from './processes.ts'
import type { Identity } from './processes.ts'
import { endProcesses } from './stop-ladder.ts'
import { agentVariable, runVariable } from './tmux-processes.ts'

/** The processes of one attempt: its launcher, its program, and all that came of it. */
export class AttemptProcesses {
  readonly #runPrefix: string
  readonly #key: string
  #pane: Identity | null = null
  #started: StartedProcess | null = null
  #before: PidMark | null = null

  constructor(runPrefix: string, key: string) {
    this.#runPrefix = runPrefix
    this.#key = key
  }

  /** Nothing of it runs yet: whatever it starts begins after this. */
  mark(): void {
    this.#before = markPids()
  }

  /** tmux says that the launcher has this process. */
  paneIs(pane: Identity | null): void {
    this.#pane = pane
  }

  /** The launcher says who it is; a fact of an earlier boot names nobody. */
  read({ started }: Facts): void {
    const process = started?.by === 'launcher' ? started.process : null
    this.#started = process?.boot === bootId() ? process : null
  }

  /** The program's process, alive or not, once its launcher has told it. */
  get program(): Identity | null {
    return this.#started?.program ?? null
  }

  /** The launcher's process id as it told it itself. */
  get launcherPid(): number | undefined {
    return this.#started?.launcher.pid
  }

  get isLauncherAlive(): boolean {
    return this.#launcher() !== null
  }

  /**
   * TERM, then KILL, to all but the launcher, which is to tell the end, until `isOver` and nothing is
   * left, or until `isSettled`: from then on the launcher has children of its own.
   */
  end(graceMs: number, isOver: () => boolean, isSettled = () => false): Promise<Identity[]> {
    const find = () => [...this.#marked(), ...this.#tree()]
    return endProcesses({ find, graceMs, isOver, isSettled })
  }

  /** TERM, then KILL, to whatever is left after the end: how many went, and what would not go. */
  async endLeftovers(graceMs: number): Promise<{ ended: number; left: Identity[] }> {
    const found = new Set<string>()
    const find = () => {
      const marked = this.#marked()
      for (const { pid, start } of marked) found.add(`${pid}@${start}`)
      return marked
    }
    const left = await failingAsync('attempt.end_leftovers', () => endProcesses({ find, graceMs }))
    return { ended: found.size - left.length, left }
  }

  /** Kills the launcher, also one that nobody has heard of yet. Resolves when it is gone. */
  async endLauncher(): Promise<void> {
    const launcher = this.#launcher()
    const isOurs = ({ pid }: Identity) => argumentsOf(pid).includes(`./launch/${this.#key}.sh`)
    const found = launcher
      ? [launcher]
      : startedWith([`${agentVariable}=${this.#runPrefix}\0`]).filter(isOurs)
    await endProcesses({ find: () => found.filter(isAlive), graceMs: 0 })
  }

  /** The window is closed: the launcher has nothing left to do. */
  dismissLauncher(): void {
    const launcher = this.#launcher()
    if (launcher) signal(launcher, 'SIGKILL')
  }

  #launcher(): Identity | null {
    const launcher = this.#started?.launcher ?? this.#pane
    return launcher && isAlive(launcher) ? launcher : null
  }

  /** Whatever left the tree still carries the run id. */
  #marked(): Identity[] {
    return startedWith([`${runVariable}=${this.#runPrefix}/${this.#key}\0`], this.#before)
  }

  /** Whatever shed the run id is still in the tree. */
  #tree(): Identity[] {
    const roots = [this.#launcher(), this.program].filter((one) => one !== null).filter(isAlive)
    return roots.flatMap(({ pid }) => descendants(pid))
  }
}
