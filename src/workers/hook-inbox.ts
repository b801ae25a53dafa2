import { deleteHooks, readHooks } from './hooks.ts'
import type { HookSignal, LaunchKey } from './hooks.ts'

/** The hooks of an agent's program: each is told once, and kept until its turn is recorded. */
export class HookInbox {
  readonly #outbox: string
  readonly #known = new Set<string>()
  readonly #kept: string[] = []
  /** Events of the start that runs. */
  readonly #seen = new Set<string>()

  constructor(outbox: string) {
    this.#outbox = outbox
  }

  /** Another start begins: hooks of earlier ones count for nothing. */
  begin(launch: LaunchKey): void {
    this.#seen.clear()
    deleteHooks(this.#outbox, { but: launch })
  }

  hasSeen(event: string): boolean {
    return this.#seen.has(event)
  }

  /** What has come of a start and was not told yet, oldest first. */
  fresh(launch: LaunchKey): HookSignal[] {
    const signals = this.#take(launch, this.#known)
    for (const { event } of signals) this.#seen.add(event)
    return signals
  }

  /** All of a start that are still there, told or not. */
  all(launch: LaunchKey): HookSignal[] {
    return this.#take(launch, new Set())
  }

  /** They have nothing left to tell. */
  forget(): void {
    deleteHooks(this.#outbox, this.#kept.splice(0))
  }

  #take(launch: LaunchKey, but: ReadonlySet<string>): HookSignal[] {
    const hooks = readHooks(this.#outbox, launch, but)
    for (const { name } of hooks) {
      this.#known.add(name)
      this.#kept.push(name)
    }
    return hooks.map(({ signal }) => signal)
  }
}
