import type { SquadEvent } from './domain/event.ts'
import type { Store } from './domain/ports.ts'

type Listener = (event: SquadEvent) => void

type ReadOptions = { since?: number; signal?: AbortSignal; follow?: boolean }

const page = 500
// Old events are deleted each time so many new ones have come.
const trimEach = 1000

/**
 * What happened, for everyone who listens. A reader has a place in the stored log, not a buffer of
 * its own: a slow one costs no memory and loses nothing that is still kept.
 */
export class EventLog {
  readonly #store: Store
  readonly #listeners = new Set<Listener>()
  /** The newest events, oldest first: most readers are never further behind. */
  #recent: SquadEvent[] = []
  readonly #recentLimit: () => number
  #wakers = new Set<() => void>()
  readonly #retention: () => number
  readonly #onMissed: (count: number) => void
  #untrimmed = 0

  /** Keeps `recentLimit` events in memory and `retention` in the store. */
  constructor(
    store: Store,
    recentLimit: () => number,
    retention: () => number,
    onMissed: (count: number) => void = () => {},
  ) {
    this.#store = store
    this.#onMissed = onMissed
    this.#recentLimit = recentLimit
    this.#retention = retention
    store.onCommitted((events) => this.#publish(events))
  }

  /** Calls `listener` for each event after its commit; the answer ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Events after number `since` (default: from now on) until `signal` aborts, or with `follow: false`
   * up to the newest. When older ones are no longer kept, the first event says which (`EventsDropped`).
   */
  async *read({ since, signal, follow = true }: ReadOptions = {}) {
    let cursor = since ?? this.#store.eventRange().last
    while (!signal?.aborted) {
      const batch = this.#after(cursor)
      const first = batch[0]
      if (first && first.seq > cursor + 1) {
        const { first: oldest } = this.#store.eventRange()
        if (oldest > cursor + 1) {
          this.#onMissed(oldest - 1 - cursor)
          yield dropped(cursor + 1, oldest - 1, first.at)
        }
      }
      for (const event of batch) {
        if (signal?.aborted) return
        cursor = event.seq
        yield event
      }
      if (batch.length > 0) continue
      if (!follow) return
      await this.#next(cursor, signal)
    }
  }

  #after(cursor: number): SquadEvent[] {
    const oldest = this.#recent[0]
    if (!oldest || cursor + 1 < oldest.seq) return this.#store.eventsSince(cursor, page)
    return this.#recent.slice(this.#recent.findLastIndex((event) => event.seq <= cursor) + 1)
  }

  async #next(cursor: number, signal: AbortSignal | undefined): Promise<void> {
    const newest = this.#recent.at(-1)
    if (newest && newest.seq > cursor) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      this.#wakers.add(wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  #publish(events: readonly SquadEvent[]): void {
    if (events.length === 0) return
    this.#recent = [...this.#recent, ...events].slice(-this.#recentLimit())
    for (const event of events) for (const listener of this.#listeners) listener(event)
    for (const wake of this.#wakers) wake()
    this.#untrimmed += events.length
    if (this.#untrimmed < trimEach) return
    this.#untrimmed = 0
    // A store that cannot delete now is asked again after the next thousand.
    this.#store.trimEvents(this.#retention()).catch(() => {})
  }
}

function dropped(from: number, to: number, at: number): SquadEvent {
  return { seq: to, at, type: 'EventsDropped', data: { from, to } }
}
