import { messageOf } from './domain/error.ts'
import type { Clock } from './domain/time.ts'

/** One part of a running program. */
export type Part = {
  name: string
  start(): Promise<void> | void
  stop(): Promise<void> | void
  /** How long `stop` may take. Default 5000 ms. */
  stopWithinMs?: number
}

/** A part that did not stop, with the reason. */
export type Unstopped = { name: string; error: string }

/**
 * Starts parts in order and stops them in reverse order. When one cannot start, those that have
 * started are stopped again and its error is thrown. Stopping never throws: it tells who did not
 * stop in time.
 */
export class Lifecycle {
  readonly #clock: Clock
  readonly #started: Part[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async start(part: Part): Promise<void> {
    try {
      await part.start()
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#started.push(part)
  }

  async stop(): Promise<Unstopped[]> {
    const unstopped: Unstopped[] = []
    for (let part = this.#started.pop(); part; part = this.#started.pop())
      unstopped.push(...(await this.end(part)))
    return unstopped
  }

  /** Stops one part; the answer is empty when it did. */
  async end(part: Omit<Part, 'start'>): Promise<Unstopped[]> {
    const { name, stopWithinMs = 5000 } = part
    const error = await this.#within(stopWithinMs, () => part.stop())
    return error === null ? [] : [{ name, error }]
  }

  #within(limitMs: number, stop: () => Promise<void> | void): Promise<string | null> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(limitMs, () => resolve(`not stopped after ${limitMs} ms`))
      const done = (answer: string | null) => (cancel(), resolve(answer))
      Promise.resolve()
        .then(stop)
        .then(
          () => done(null),
          (error: unknown) => done(messageOf(error)),
        )
    })
  }
}
