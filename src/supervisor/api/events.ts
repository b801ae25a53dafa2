import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { SquadEvent } from '../domain/event.ts'

export type Pace = {
  /** Time between two signs of life. */
  heartbeatMs: number
  /** A client that takes nothing for this long is let go; it may resume by its last event. */
  stallMs: number
}

/**
 * Sends events to one subscriber as server-sent events until they end or `gone` aborts. The next
 * batch is asked for only when the client has taken the last: a slow reader costs one socket buffer.
 * `stalled`: it took nothing for too long.
 */
export async function sendEvents(
  events: AsyncIterable<readonly SquadEvent[]>,
  response: ServerResponse,
  gone: AbortSignal,
  { heartbeatMs, stallMs }: Pace,
): Promise<'ended' | 'stalled'> {
  let stalled: AbortSignal | undefined
  const source = events[Symbol.asyncIterator]()
  // Asked before the head is sent: who has the head misses nothing that comes after it.
  const first = source.next()
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.write('retry: 1000\n\n')
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n')
  }, heartbeatMs)
  heartbeat.unref()
  try {
    for (let item = await first; !item.done && !gone.aborted; item = await source.next()) {
      for (const text of chunksOf(item.value)) {
        if (response.write(text)) continue
        stalled = AbortSignal.timeout(stallMs)
        await once(response, 'drain', { signal: AbortSignal.any([gone, stalled]) })
      }
    }
    response.end()
    return 'ended'
  } catch {
    response.destroy()
    return stalled?.aborted && !gone.aborted ? 'stalled' : 'ended'
  } finally {
    clearInterval(heartbeat)
    void source.return?.()
  }
}

// Sent at once: about what the socket takes.
const chunkLength = 16_384

/** The texts of events, put together: one write for many costs little more than for one. */
function* chunksOf(events: readonly SquadEvent[]): Generator<string> {
  let text = ''
  for (const event of events) {
    text += frame(event)
    if (text.length < chunkLength) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

const frames = new WeakMap<SquadEvent, string>()

/** The text of an event, made once for all who get it while it is new. */
function frame(event: SquadEvent): string {
  const known = frames.get(event)
  if (known !== undefined) return known
  const text = `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
  frames.set(event, text)
  return text
}
