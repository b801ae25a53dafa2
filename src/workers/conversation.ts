import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { KnownConversation } from './programs/launch.ts'
import type { Program } from './programs/program.ts'

/** What an agent's program knows its conversation by; it outlives program, host and worktree. */
export class Conversation {
  readonly #file: string
  readonly #send: (message: FromHost) => void
  readonly #program: Program
  #known: KnownConversation | null

  constructor(setup: HostSetup, program: Program, send: (message: FromHost) => void) {
    this.#file = join(setup.dir, 'conversation')
    this.#send = send
    this.#program = program
    this.#known = setup.conversation === null ? null : { id: setup.conversation, isBegun: true }
  }

  /** Takes over what an earlier host noted and could not tell any more. */
  recall(): void {
    try {
      const id = readFileSync(this.#file, 'utf8').trim()
      if (id !== '') this.begin(id)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  /** The one to go on with, or a new id for this start; null where the program names it itself. */
  forStart(): KnownConversation | null {
    const { newConversation } = this.#program
    // A start that failed may have used the last id up.
    if (this.#known) return this.#known
    return newConversation ? { id: newConversation(), isBegun: false } : null
  }

  /** The program has stored something under this id. */
  begin(id: string): void {
    if (this.#known?.isBegun && this.#known.id === id) return
    this.#known = { id, isBegun: true }
    writeFileSync(this.#file, `${id}\n`, { mode: 0o600 })
    this.#send({ kind: 'conversation', id })
  }
}
