import { execFileSync } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Moments } from './moments.ts'

export const stampScript = join(import.meta.dirname, 'stamp.sh')

let skew = 0

/** Now by the clock that programs see, ms since 1970 with their fractions. */
export const wallMs = (): number => performance.timeOrigin + performance.now() + skew

/** The clock of this process drifts from the machine's, where that one is being set. */
export function setClock(): void {
  const before = Date.now()
  let now = before
  while (now === before) now = Date.now()
  skew += now - wallMs()
}

/** When a program began and ended, by what it says into a pipe. */
export class Stamps {
  readonly pipe: string
  readonly #socket: Socket
  readonly #moments = new Moments()

  constructor(dir: string) {
    this.pipe = join(dir, 'stamps')
    execFileSync('mkfifo', [this.pipe])
    // Open for both: it does not end when the last writer goes.
    const fd = openSync(this.pipe, constants.O_RDWR | constants.O_NONBLOCK)
    this.#socket = new Socket({ fd, readable: true, writable: false })
    createInterface(this.#socket).on('line', (line) => {
      const [kind, id, seconds] = line.split(' ')
      this.#moments.happened(`${kind} ${id}`, Number(seconds) * 1000)
    })
  }

  /** When `what` happened, as soon as that is known. */
  at(what: `${'start' | 'end'} ${string}`): Promise<number> {
    return this.#moments.at(what)
  }

  close(): void {
    this.#socket.destroy()
  }
}
