import type { AttemptKey } from '../supervisor/domain/message.ts'
import type { StopReason } from '../supervisor/domain/task.ts'
import { nextAttemptState } from './attempt-state.ts'
import type { AttemptSignal, AttemptState } from './attempt-state.ts'
import { readStop, writeStop } from './launch-files.ts'

/** How far an attempt is in its life, why it is to end, and who waits for that. */
export class AttemptLife {
  readonly #dir: string
  readonly #key: AttemptKey
  #state: AttemptState = 'launching'
  #stop: StopReason | null = null
  #setReported = () => {}
  /** Resolves when its verdict is out. */
  readonly whenReported = new Promise<void>((resolve) => (this.#setReported = resolve))
  #setCleaned = () => {}
  /** Resolves when nothing of it is left. */
  readonly whenCleaned = new Promise<void>((resolve) => (this.#setCleaned = resolve))

  constructor(dir: string, key: AttemptKey) {
    this.#dir = dir
    this.#key = key
  }

  /** It may still run. */
  get isOpen(): boolean {
    return this.#state === 'launching' || this.#state === 'running'
  }

  /** Why somebody wants it to end, if so. */
  get stop(): StopReason | null {
    return this.#stop
  }

  /** What an earlier host noted. */
  recall(): void {
    this.#stop = readStop(this.#dir, this.#key)
  }

  /** It is to end, for the next host too; the first reason stays. Throws when it cannot be noted. */
  stopFor(reason: StopReason): void {
    if (this.#stop !== null) return
    this.#stop = reason
    writeStop(this.#dir, this.#key, reason)
  }

  /** False where the signal means nothing any more. */
  move(signal: AttemptSignal): boolean {
    const next = nextAttemptState(this.#state, signal)
    if (next === undefined) return false
    this.#state = next
    if (next === 'reported') this.#setReported()
    return true
  }

  cleaned(): void {
    this.#setCleaned()
  }
}
