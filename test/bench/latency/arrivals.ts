import type { EventType } from '../../../src/supervisor/domain/event.ts'
import type { BenchSquad } from '../squad.ts'
import { wallMs } from './stamps.ts'

/** When a subscriber heard of what happened to tasks. */
export class Arrivals {
  readonly #abort = new AbortController()
  readonly #heard = new Map<string, PromiseWithResolvers<number>>()
  #listening: Promise<void>

  constructor(squad: BenchSquad) {
    this.#listening = this.#listen(squad)
  }

  at(type: EventType, taskId: string): Promise<number> {
    return this.#entry(`${type} ${taskId}`).promise
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#listening
  }

  async #listen({ client }: BenchSquad): Promise<void> {
    for await (const { type, taskId } of client.events({ signal: this.#abort.signal }))
      this.#entry(`${type} ${taskId}`).resolve(wallMs())
  }

  #entry(what: string): PromiseWithResolvers<number> {
    const known = this.#heard.get(what)
    if (known) return known
    const made = Promise.withResolvers<number>()
    this.#heard.set(what, made)
    return made
  }
}
