import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { captureScreen, screenFile } from './tmux-commands.ts'
import type { WindowId } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'

/** Reads the text on the screens of one tmux server, one at a time: they share a file. */
export class Screens {
  readonly #tmux: Tmux
  readonly #file: string
  #last: Promise<unknown> = Promise.resolve()

  constructor(tmux: Tmux, dir: string) {
    this.#tmux = tmux
    this.#file = join(dir, screenFile)
  }

  /** Throws SQUADD_TMUX, SQUADD_TIMEOUT. */
  read(window: WindowId): Promise<string> {
    const reading = this.#last.then(() => this.#read(window))
    this.#last = reading.catch(() => {})
    return reading
  }

  async #read(window: WindowId): Promise<string> {
    await this.#tmux.run(...captureScreen(window))
    const text = readFileSync(this.#file, 'utf8')
    rmSync(this.#file, { force: true })
    return text
  }
}
