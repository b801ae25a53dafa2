import type { EventType } from '../../../src/supervisor/domain/event.ts'
import type { BenchSquad } from '../squad.ts'
import { Moments } from './moments.ts'
import { wallMs } from './stamps.ts'

/** When a subscriber heard of what happened to tasks. */
export class Arrivals {
  readonly #moments = new Moments()
  readonly #abort = new AbortController()
  readonly #listening: Promise<void>

  constructor(squad: BenchSquad) {
    this.#listening = this.#listen(squad)
  }

  at(type: EventType, taskId: string): Promise<number> {
    return this.#moments.at(`${type} ${taskId}`)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#listening
  }

  async #listen({ client }: BenchSquad): Promise<void> {
    for await (const { type, taskId } of client.events({ signal: this.#abort.signal }))
      this.#moments.happened(`${type} ${taskId}`, wallMs())
  }
}
