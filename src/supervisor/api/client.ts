import { setTimeout as delay } from 'node:timers/promises'
import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import type { EndpointName, ReplyKind } from './endpoints.ts'
import { endpoints } from './endpoints.ts'
import { readEvents } from './event-reader.ts'
import type { Calls } from './routes.ts'
import type { Ask, Target } from './transport.ts'
import { Transport } from './transport.ts'

type NamesOf<K extends ReplyKind> = {
  [N in EndpointName]: (typeof endpoints)[N]['reply'] extends K ? N : never
}[EndpointName]

export type CallOptions = {
  signal?: AbortSignal
  /** Default: 30 s for what only reads, none for the rest. */
  timeoutMs?: number
}

export type EventsOptions = Calls['events']['input'] & {
  signal?: AbortSignal
  /** The daemon has answered before: it is waited for from the first. Default false. */
  isKnown?: boolean
  /** How long a lost daemon is waited for. Default 30 s. */
  patienceMs?: number
  /** Told each time that the connection is lost and is going to be made again. */
  onLost?: () => void
}

const readTimeoutMs = 30_000
const longestPauseMs = 2_000

/** A client of the daemon at `target`; it connects when it is first asked something. */
export const connect = (target: Target): Client => new Client(target)

/** The client of one daemon, typed by the table of endpoints. */
export class Client {
  readonly #transport: Transport

  constructor(target: Target) {
    this.#transport = new Transport(target)
  }

  /**
   * Asks an endpoint. Throws the daemon's own error; SQUADD_NOT_RUNNING when none answers or it goes
   * away meanwhile; SQUADD_NOT_AUTHORISED; SQUADD_TIMEOUT.
   */
  async call<N extends NamesOf<'json' | 'text'>>(
    name: N,
    input: Calls[N]['input'],
    { signal, timeoutMs = timeoutOf(name) }: CallOptions = {},
  ): Promise<Calls[N]['output']> {
    const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const signals = [signal, limit].filter((one) => one !== undefined)
    const ask = { ...askFor(name, input), signal: AbortSignal.any(signals) }
    try {
      const text = await this.#transport.text(ask, await this.#transport.send(ask))
      return (endpoints[name].reply === 'json' ? JSON.parse(text) : text) as Calls[N]['output']
    } catch (error) {
      if (!limit?.aborted || signal?.aborted) throw error
      const hint = 'it runs but is stuck or very busy'
      throw new SquadError('SQUADD_TIMEOUT', `no answer in ${timeoutMs} ms`, { hint }, error)
    }
  }

  /** The same for an endpoint that answers with bytes, as they come. */
  async *bytes<N extends NamesOf<'bytes'>>(
    name: N,
    input: Calls[N]['input'],
    { signal }: Pick<CallOptions, 'signal'> = {},
  ): AsyncGenerator<Uint8Array> {
    const ask = { ...askFor(name, input), signal }
    yield* this.#transport.chunks(ask, await this.#transport.send(ask))
  }

  /**
   * Events until `signal` aborts, or with `follow: false` up to the newest. A lost connection is made
   * again and goes on after the last event. Throws SQUADD_NOT_RUNNING at once when no daemon answers
   * the first time, later when none does for `patienceMs`.
   */
  async *events({
    signal,
    isKnown = false,
    patienceMs = 30_000,
    onLost = () => {},
    ...how
  }: EventsOptions = {}): AsyncGenerator<SquadEvent> {
    let { since } = how
    let everHeard = isKnown
    let lostAt: number | undefined
    for (let pauseMs = 50; !signal?.aborted; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      const input = since === undefined ? how : { ...how, since }
      const ask = { ...askFor('events', input), signal }
      try {
        const response = await this.#transport.send(ask)
        everHeard = true
        lostAt = undefined
        pauseMs = 25
        for await (const event of readEvents(this.#transport.chunks(ask, response))) {
          since = event.seq
          yield event
        }
        if (how.follow === false) return
      } catch (error) {
        if (signal?.aborted) return
        if (!everHeard || !isAway(error)) throw error
        if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error
      }
      if (lostAt === undefined) onLost()
      lostAt ??= Date.now()
      await delay(pauseMs, undefined, signal ? { signal } : {}).catch(() => {})
    }
  }

  /** Ends every connection; what is pending fails. */
  close(): void {
    this.#transport.close()
  }
}

/** A daemon that stops or is not there: another may come in its place. */
export const isAway = (error: unknown): boolean =>
  error instanceof SquadError &&
  (error.code === 'SQUADD_NOT_RUNNING' || error.code === 'SQUADD_SHUTTING_DOWN')

function timeoutOf(name: EndpointName): number | undefined {
  const row = endpoints[name]
  return row.method === 'GET' && !('waits' in row) ? readTimeoutMs : undefined
}

/** The request for an endpoint: `id` goes into the path, the rest into query or body. */
function askFor(name: EndpointName, input: object): Ask {
  const { method, path } = endpoints[name]
  const fields = { ...input } as Record<string, string | number | boolean | undefined>
  const filled = path.replace(':id', () => {
    const { id } = fields
    delete fields['id']
    return encodeURIComponent(String(id))
  })
  if (method === 'POST') {
    const headers = { 'content-type': 'application/json' }
    return { method, path: filled, headers, body: JSON.stringify(fields) }
  }
  const query = new URLSearchParams()
  for (const [field, value] of Object.entries(fields))
    if (value !== undefined) query.set(field, String(value))
  const headers = method === 'GET' ? {} : { 'content-type': 'application/json' }
  return { method, path: query.size > 0 ? `${filled}?${query.toString()}` : filled, headers }
}
