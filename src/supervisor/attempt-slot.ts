import type { AttemptKey, AttemptOrder, HostSetup } from './domain/message.ts'
import { attemptKey } from './domain/message.ts'
import type { StopReason, Task } from './domain/task.ts'

type Held = { task: Task; key: AttemptKey; stop: StopReason | null; isRecorded: boolean }

/** What an agent has: one attempt or none, until everything about it is recorded and cleaned up. */
export class AttemptSlot {
  #held: Held | null = null

  get task(): Task | null {
    return this.#held?.task ?? null
  }

  get isEmpty(): boolean {
    return this.#held === null
  }

  /** The store has its verdict: only what is left of it is still there. */
  get isRecorded(): boolean {
    return this.#held?.isRecorded === true
  }

  /** It has been asked to stop, or is over. */
  get isStopping(): boolean {
    return this.#held !== null && (this.#held.stop !== null || this.#held.isRecorded)
  }

  has(key: AttemptKey): boolean {
    return this.#held?.key === key
  }

  take(task: Task, stop: StopReason | null): void {
    this.#held = { task, key: attemptKey(task.id, task.fence), stop, isRecorded: false }
  }

  /** Notes that it is to stop; null when there is nothing to stop any more. */
  stop(reason: StopReason): AttemptKey | null {
    if (!this.#held || this.#held.isRecorded) return null
    this.#held.stop = reason
    return this.#held.key
  }

  recorded(key: AttemptKey): void {
    if (this.#held?.key === key) this.#held.isRecorded = true
  }

  clear(): void {
    this.#held = null
  }

  /** What a new host has to take up. */
  get current(): HostSetup['current'] {
    if (!this.#held || this.#held.isRecorded) return null
    return { order: orderOf(this.#held.task), stop: this.#held.stop }
  }
}

export const orderOf = (task: Task): AttemptOrder => ({
  key: attemptKey(task.id, task.fence),
  prompt: task.prompt,
  verify: task.spec.verify,
})
