import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { codeOf, SquadError } from '../domain/error.ts'
import { Agent, request as httpRequest } from './http.ts'
import { fromWire } from './wire-error.ts'

/** Where a daemon listens: the socket of its home, or TCP with a token. */
export type Target =
  | { socket: string; token?: string }
  | { host: string; port: number; token: string }

export type Ask = {
  method: string
  path: string
  body?: string
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** Requests to one daemon over kept connections. */
export class Transport {
  readonly #target: Target
  readonly #agent = new Agent({ keepAlive: true })
  readonly #open = new Set<ClientRequest>()
  #closed = false

  constructor(target: Target) {
    this.#target = target
  }

  /**
   * The reply, its body still to be read with `reading`. Throws the daemon's error for a status that
   * is not 2xx, SQUADD_NOT_RUNNING, SQUADD_NOT_AUTHORISED, or the reason of `signal`.
   */
  async send(ask: Ask): Promise<IncomingMessage> {
    const response = await this.#respond(ask)
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw fromWire(parse(await this.text(ask, response)), status)
  }

  /** The whole body. Throws like `send`. */
  async text(ask: Ask, response: IncomingMessage): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.chunks(ask, response)) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }

  /** The body as it comes. Throws like `send`. */
  async *chunks(ask: Ask, response: IncomingMessage): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response) yield chunk as Uint8Array
    } catch (error) {
      throw this.#explain(ask, error)
    }
  }

  /** Ends every connection; pending requests fail, and so do later ones. */
  close(): void {
    this.#closed = true
    for (const request of this.#open) request.destroy()
    this.#agent.destroy()
  }

  async #respond(ask: Ask, again = false): Promise<IncomingMessage> {
    const request = this.#start(ask)
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      return response
    } catch (error) {
      // A kept connection that the daemon closed meanwhile; only reading may be done twice.
      const stale = request.reusedSocket && !this.#closed && !ask.signal?.aborted
      if (stale && ask.method === 'GET' && !again) return this.#respond(ask, true)
      throw this.#explain(ask, error)
    }
  }

  #start({ method, path, headers, body, signal }: Ask): ClientRequest {
    if (this.#closed) throw new SquadError('SQUADD_NOT_RUNNING', 'this client is closed')
    const target = this.#target
    const place = 'socket' in target ? { socketPath: target.socket } : { ...target }
    const bearer = target.token ? { authorization: `Bearer ${target.token}` } : {}
    const request = httpRequest({
      ...place,
      agent: this.#agent,
      method,
      path,
      headers: { ...bearer, ...headers },
      ...(signal ? { signal } : {}),
    })
    this.#open.add(request)
    request.once('close', () => this.#open.delete(request))
    // An error after the reply has begun reaches its reader.
    request.on('error', () => {})
    request.end(body)
    return request
  }

  #explain({ method, signal }: Ask, error: unknown): unknown {
    if (error instanceof SquadError) return error
    if (signal?.aborted) return signal.reason
    const target = this.#target
    const place = 'socket' in target ? target.socket : `${target.host}:${target.port}`
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED')
      return new SquadError('SQUADD_NOT_RUNNING', `no daemon answers at ${place}`, {
        hint: 'squadd start',
      })
    if (code === 'EACCES' || code === 'EPERM')
      return new SquadError('SQUADD_NOT_AUTHORISED', `${place} belongs to somebody else`, {
        hint: 'use your own home',
      })
    const hint = method === 'GET' ? 'ask again' : 'look whether it was done before you ask again'
    return new SquadError('SQUADD_NOT_RUNNING', 'the daemon went away before it answered', { hint })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
