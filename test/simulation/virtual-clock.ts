import type { Clock } from '../../src/supervisor/domain/time.ts'

type Timer = { at: number; order: number; then: (() => void) | null }

const goesBefore = (a: Timer, b: Timer): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)

/**
 * Time that passes when a test says so. Timers fire in the order of their instants, then of their
 * making; after each one all promises that can go on do, after each instant `settle` ends what the
 * instant began. As in Node a timer takes at least 1 ms, and one may fire up to `earlyMs` before the
 * wall clock says that its time has come.
 */
export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>
  readonly #earlyMs: number
  readonly #heap: Timer[] = []
  #now: number
  #made = 0

  constructor(startAt: number, settle: () => Promise<void>, earlyMs = 0) {
    this.#now = startAt
    this.#settle = settle
    this.#earlyMs = earlyMs
  }

  now(): number {
    return this.#now
  }

  after(ms: number, then: () => void): () => void {
    const waitMs = Math.max(1, Math.trunc(ms) - this.#earlyMs)
    const timer: Timer = { at: this.#now + waitMs, order: this.#made++, then }
    this.#push(timer)
    return () => (timer.then = null)
  }

  /** Lets time pass up to `at`, an instant in ms since 1970. */
  async advanceTo(at: number): Promise<void> {
    await this.#settle()
    for (let next = this.#first(); next && next.at <= at; next = this.#first()) {
      this.#now = next.at
      for (let due = this.#first(); due && due.at <= this.#now; due = this.#first()) {
        this.#pop()
        due.then?.()
        await drained()
      }
      await this.#settle()
    }
    this.#now = at
  }

  /** Lets time pass until the promise has ended; `limitMs` from now it is given up. */
  async until<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const giveUpAt = this.#now + limitMs
    let isOpen = true
    const close = () => (isOpen = false)
    promise.then(close, close)
    await this.#settle()
    while (isOpen) {
      const next = this.#first()
      if (!next || next.at > giveUpAt) throw new Error(`it has not ended after ${limitMs} ms`)
      await this.advanceTo(next.at)
    }
    return promise
  }

  /** The first timer that was not cancelled. */
  #first(): Timer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.then === null) this.#pop()
    return this.#heap[0]
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!goesBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && goesBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!goesBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

/** Resolves when no promise can go on by itself. */
export const drained = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))
