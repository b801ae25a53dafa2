import { failingAsync } from '../supervisor/failpoint/failpoint.ts'
import { identify } from './processes.ts'
import type { Identity } from './processes.ts'
import { closeWindow, openWindow, parsePanes } from './tmux-commands.ts'
import type { Pane, WindowId } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'

/** The tmux window of one attempt, for as long as there is one. */
export class AttemptWindow {
  readonly #tmux: Tmux
  readonly #key: string
  #id: WindowId | null = null
  /** The program ran, or runs, without its terminal: what it printed last is lost. */
  isLost = false

  constructor(tmux: Tmux, key: string) {
    this.#tmux = tmux
    this.#key = key
  }

  get id(): WindowId | null {
    return this.#id
  }

  /** Opens it on the attempt's launcher; answers its process. Throws SQUADD_TMUX, SQUADD_TIMEOUT. */
  async open(): Promise<Identity | null> {
    try {
      const [opened = []] = await failingAsync('tmux.open_window', () =>
        this.#tmux.run(...openWindow(this.#key)),
      )
      return this.#has(parsePanes(opened)[0])
    } catch (error) {
      this.isLost = true
      throw error
    }
  }

  /** Finds it again by its launcher, or before that is known by its name. */
  find(panes: readonly Pane[], launcherPid: number | undefined): Identity | null {
    const [taskId] = this.#key.split('-')
    const isOurs = ({ pid, name }: Pane) =>
      launcherPid === undefined ? name === taskId : pid === launcherPid
    const launcher = this.#has(panes.find(isOurs))
    this.isLost = launcher === null
    return launcher
  }

  /** It is gone: with its server, or because the launcher ended. */
  lose(): void {
    this.#id = null
    this.isLost = true
  }

  async close(): Promise<void> {
    // Where it is gone already, that is as well.
    const id = this.#id
    if (id)
      await failingAsync('tmux.close_window', () => this.#tmux.run(closeWindow(id))).catch(() => {})
  }

  #has(pane: Pane | undefined): Identity | null {
    this.#id = pane?.window ?? null
    return pane ? (identify(pane.pid) ?? null) : null
  }
}
