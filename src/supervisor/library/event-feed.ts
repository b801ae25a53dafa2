import { invalid } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import { eventsDropped } from '../domain/event.ts'
import type { EventLog } from '../event-log.ts'
import { keepAlive } from './keep-alive.ts'

export type EventOptions = {
  /** Begin after this number, with what is stored. Default: with what happens from now on. */
  since?: number
  /** Ends the events. */
  signal?: AbortSignal
  /** Events kept while the reader is busy. Default: `eventBufferSize` of the configuration. */
  bufferSize?: number
}

/**
 * Events as they happen, from the moment of the call on. Ends with `signal` or `closed`: then what
 * is in the buffer still comes. Throws SQUADD_INVALID.
 */
export function eventFeed(
  log: EventLog,
  { since, signal, bufferSize }: EventOptions & { bufferSize: number },
  closed: AbortSignal,
): AsyncIterableIterator<SquadEvent, undefined> {
  checkWhole('since', since ?? 0, 0)
  checkWhole('bufferSize', bufferSize, 1)
  const buffer = new EventBuffer(bufferSize)
  const unlisten = log.listen((event) => buffer.push(event))
  const close = () => {
    unlisten()
    signal?.removeEventListener('abort', stop)
    closed.removeEventListener('abort', close)
    buffer.close()
  }
  const stop = () => {
    buffer.clear()
    close()
  }
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop)
  closed.addEventListener('abort', close)
  const events = readFeed(log, buffer, since, signal)
  return {
    next: () => keepAlive(events.next()),
    return: () => {
      stop()
      return events.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* readFeed(
  log: EventLog,
  buffer: EventBuffer,
  since: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<SquadEvent, undefined> {
  let cursor = since ?? 0
  if (since !== undefined)
    for await (const event of log.read({ since, follow: false, ...(signal ? { signal } : {}) })) {
      cursor = event.seq
      yield event
    }
  while (await buffer.hasMore()) {
    const event = buffer.take(cursor)
    if (!event) continue
    cursor = event.seq
    yield event
  }
}

/** The newest events that a reader has not taken; tells it which it has missed. */
class EventBuffer {
  readonly #size: number
  #events: SquadEvent[] = []
  #missed: { from: number; to: number; at: number } | null = null
  #isClosed = false
  #wake = () => {}

  constructor(size: number) {
    this.#size = size
  }

  push(event: SquadEvent): void {
    this.#events.push(event)
    if (this.#events.length > this.#size) {
      const { seq, at } = this.#events.shift()!
      this.#missed = { from: this.#missed?.from ?? seq, to: seq, at }
    }
    this.#wake()
  }

  /** Nothing more comes. */
  close(): void {
    this.#isClosed = true
    this.#wake()
  }

  clear(): void {
    this.#events = []
    this.#missed = null
  }

  /** Resolves when there is an event to take, or with false when none will ever be. */
  async hasMore(): Promise<boolean> {
    if (this.#events.length === 0 && !this.#isClosed)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#events.length > 0
  }

  /** The next event after number `cursor`; what came before that is passed over. */
  take(cursor: number): SquadEvent | undefined {
    const missed = this.#missed
    this.#missed = null
    if (missed && missed.to > cursor) {
      const { to, at } = missed
      const from = Math.max(missed.from, cursor + 1)
      return eventsDropped(from, to, from, at)
    }
    const event = this.#events.shift()
    return event && event.seq > cursor ? event : undefined
  }
}

function checkWhole(field: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return
  throw invalid(field, value, 'is out of range', `use a whole number from ${min} on`)
}
