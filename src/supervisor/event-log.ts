import type { SquadEvent } from './domain/event.ts'
import { eventsDropped } from './domain/event.ts'
import type { Store } from './domain/ports.ts'

type Listener = (event: SquadEvent) => void

type ReadOptions = { since?: number; signal?: AbortSignal; follow?: boolean }

/** How long events are kept: so many, and so old at most (0: as old as they like). */
export type Retention = { count: number; ageMs: number }

const page = 500
// Of those in memory: what one reader that is slow may keep there.
const fewEvents = 100
// Old events are deleted each time so many new ones have come, or with the first one after this time.
const trimEach = 1000
const trimEachMs = 3_600_000

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
  readonly #retention: () => Retention
  readonly #onMissed: (count: number) => void
  #untrimmed = 0
  #trimmedAt = 0

  /** Keeps `recentLimit` events in memory and `retention` in the store. */
  constructor(
    store: Store,
    recentLimit: () => number,
    retention: () => Retention,
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
   * up to the newest. In the place of events that are no longer kept comes one that says which, and
   * from which number on there are more (`EventsDropped`).
   */
  async *read(options: ReadOptions = {}) {
    for await (const batch of this.batches(options))
      for (const event of batch) {
        if (options.signal?.aborted) return
        yield event
      }
  }

  /** The same, as many at a time as there are, up to a page. */
  async *batches({ since, signal, follow = true }: ReadOptions = {}) {
    const { first, last } = this.#store.eventRange()
    let cursor = since ?? last
    while (!signal?.aborted) {
      const found = this.#after(cursor)
      if (found.length > 0) {
        const batch = this.#withGaps(cursor, found)
        cursor = found.at(-1)!.seq
        yield batch
        continue
      }
      if (cursor + 1 < first) {
        this.#onMissed(first - 1 - cursor)
        yield [eventsDropped(cursor + 1, first - 1, first, this.#trimmedAt)]
        cursor = first - 1
      }
      if (!follow) return
      await this.#next(cursor, signal)
    }
  }

  /** What was found after `cursor`, and what is no longer kept between. */
  #withGaps(cursor: number, found: readonly SquadEvent[]): readonly SquadEvent[] {
    if (found.at(-1)!.seq === cursor + found.length) return found
    return found.flatMap((event, i) => [
      ...this.#missed((found[i - 1]?.seq ?? cursor) + 1, event),
      event,
    ])
  }

  /** What is no longer kept before `next`, if it is that and not a number that was never used. */
  #missed(from: number, { seq, at }: SquadEvent): SquadEvent[] {
    if (seq === from) return []
    const to = Math.min(seq, this.#store.eventRange().first) - 1
    if (to < from) return []
    this.#onMissed(to + 1 - from)
    return [eventsDropped(from, to, to + 1, at)]
  }

  /** What comes next; of those in memory a few, so that a slow reader keeps no more than that. */
  #after(cursor: number): SquadEvent[] {
    const oldest = this.#recent[0]
    if (!oldest || cursor + 1 < oldest.seq) return this.#store.eventsSince(cursor, page)
    const next = this.#recent.findLastIndex((event) => event.seq <= cursor) + 1
    return this.#recent.slice(next, next + fewEvents)
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
    // Those of one commit together: every reader wants them next.
    const kept = Math.max(this.#recentLimit(), events.length)
    this.#recent = [...this.#recent, ...events].slice(-kept)
    for (const event of events) for (const listener of this.#listeners) listener(event)
    for (const wake of this.#wakers) wake()
    this.#untrimmed += events.length
    const now = events.at(-1)!.at
    if (this.#untrimmed < trimEach && now - this.#trimmedAt < trimEachMs) return
    this.#untrimmed = 0
    this.#trimmedAt = now
    const { count, ageMs } = this.#retention()
    // A store that cannot delete now is asked again after the next thousand.
    this.#store.trimEvents(count, ageMs === 0 ? 0 : now - ageMs).catch(() => {})
  }
}
