import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../supervisor/domain/error.ts'
import type { FromHost, HostSetup } from '../supervisor/domain/message.ts'
import type { Usage } from '../supervisor/domain/task.ts'
import type { KnownConversation } from './programs/launch.ts'
import type { Program } from './programs/program.ts'

type Kept = { id: string; spent: Usage | null }

const nothing: Usage = { inputTokens: 0, outputTokens: 0, costUsd: null }

/** What an agent's program knows its conversation by; it outlives program, host and worktree. */
export class Conversation {
  readonly #file: string
  readonly #send: (message: FromHost) => void
  readonly #program: Program
  #kept: Kept | null

  constructor(setup: HostSetup, program: Program, send: (message: FromHost) => void) {
    this.#file = join(setup.dir, 'conversation')
    this.#send = send
    this.#program = program
    this.#kept = setup.conversation === null ? null : { id: setup.conversation, spent: null }
  }

  /** Takes over what an earlier host noted and could not tell any more. */
  recall(): void {
    const noted = readNote(this.#file)
    if (!noted) return
    const isTold = this.#kept?.id === noted.id
    this.#kept = noted
    if (!isTold) this.#send({ kind: 'conversation', id: noted.id })
  }

  /**
   * The one to go on with, or an id for a new one, another each time: a start that came to nothing
   * may have used it up. Null where the program names it itself.
   */
  get current(): KnownConversation | null {
    if (this.#kept) return { id: this.#kept.id, isBegun: true }
    const id = this.#program.newConversation?.()
    return id === undefined ? null : { id, isBegun: false }
  }

  /** What it has used so far; null when that is not known. */
  get spent(): Usage | null {
    return this.#kept ? this.#kept.spent : nothing
  }

  /** The program has stored something under this id, and has used so much in all, if it says so. */
  begin(id: string, spent: Usage | null = null): void {
    const isKnown = this.#kept?.id === id
    if (isKnown && spent === null) return
    this.#kept = { id, spent }
    writeFileSync(this.#file, JSON.stringify(this.#kept), { mode: 0o600 })
    if (!isKnown) this.#send({ kind: 'conversation', id })
  }

  /** It is gone: the next start begins a new one. */
  forget(): void {
    this.#kept = null
    rmSync(this.#file, { force: true })
    this.#send({ kind: 'conversation', id: null })
  }
}

function readNote(file: string): Kept | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Kept
  } catch (error) {
    // Torn by a crash: the store may still know it.
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return null
    throw error
  }
}
