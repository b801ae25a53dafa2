import { setImmediate as turn } from 'node:timers/promises'
import type { ServerResponse } from 'node:http'
import type { Answered, Meter } from '../domain/meter.ts'

/** What of a meter the traffic of an API is for. */
export type TrafficMeter = Pick<Meter, 'answered' | 'subscribed' | 'subscriberDropped'>

/** The requests that are being answered, so that a server can end without cutting replies short. */
export class Traffic {
  closing = false
  readonly #open = new Set<ServerResponse>()
  readonly #calls = new Set<AbortController>()
  #quiet: () => void = () => {}

  readonly #meter: TrafficMeter
  readonly #routes = new WeakMap<ServerResponse, Pick<Answered, 'route' | 'isOpenEnded'>>()

  constructor(meter: TrafficMeter) {
    this.#meter = meter
  }

  /** Counts a request until its reply is out or its client is gone. */
  enter(response: ServerResponse): void {
    const began = performance.now()
    this.#open.add(response)
    response.once('close', () => {
      const { route, isOpenEnded } = this.#routes.get(response) ?? {
        route: null,
        isOpenEnded: false,
      }
      const ms = performance.now() - began
      // Who went away before had no answer, whatever its status would have been; streams end so.
      if (isOpenEnded ? response.headersSent : response.writableFinished)
        this.#meter.answered({ route, isOpenEnded, status: response.statusCode, ms })
      this.#open.delete(response)
      if (this.#open.size === 0) this.#quiet()
    })
  }

  /** What a request asks for. */
  routed(response: ServerResponse, route: Answered['route'], isOpenEnded: boolean): void {
    this.#routes.set(response, { route, isOpenEnded })
  }

  /** Aborts when the client goes away before it has its reply, and when the traffic closes. */
  signalOf(response: ServerResponse): AbortSignal {
    const call = new AbortController()
    this.#calls.add(call)
    response.once('close', () => {
      this.#calls.delete(call)
      if (!response.writableFinished) call.abort()
    })
    return call.signal
  }

  /** Ends streams and waits; other requests may go on for `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.closing = true
    // What has just been recorded still reaches the subscribers.
    await turn()
    for (const call of this.#calls) call.abort()
    if (this.#open.size === 0) return
    let timer
    await new Promise<void>((resolve) => {
      this.#quiet = resolve
      timer = setTimeout(resolve, graceMs)
    })
    clearTimeout(timer)
  }
}
