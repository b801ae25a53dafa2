import type { RestartReason } from './domain/agent.ts'
import { SquadError } from './domain/error.ts'
import type { FromHost, HostSetup, ToHost } from './domain/message.ts'
import type { Meter } from './domain/meter.ts'
import type { AgentHost, AgentHosts, HostEnd } from './domain/ports.ts'
import type { Clock, Random } from './domain/time.ts'
import { decideRestart } from './policy/restart.ts'

const detachLimitMs = 3000
// Old hosts and programs may have to end first; a host that takes longer than this hangs.
const startLimitMs = 60_000

type Reply = Extract<FromHost, { kind: 'alive' | 'screen' | 'typed' }>
/** A message that is answered, and by what kind. */
type Ask = Extract<ToHost, { id: number }>
type AnswerTo = { probe: 'alive'; screen: 'screen'; answer: 'typed'; type: 'typed' }
/** Omits from each kind alike. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never
type Waiting = { resolve: (reply: Reply) => void; reject: (error: Error) => void }

export type LinkEvents = {
  message(message: FromHost): void
  /** The host is gone and another is forked after `inMs`. */
  lost(lost: { kind: RestartReason; reason: string; inMs: number }): void
  /** Too many restarts: nobody is forked any more. */
  gaveUp(reason: string): void
}

export type LinkPorts = {
  hosts: AgentHosts
  clock: Clock
  random: Random
  /** At most `intensity` restarts within `periodMs`. */
  brake: () => { intensity: number; periodMs: number }
  /** How long a host may take to end its agent before it is killed. */
  endLimitMs: () => number
  meter: Meter
}

/** The supervisor's end of one agent host: keeps one alive within the restart brake. */
export class HostLink {
  readonly #ports: LinkPorts
  readonly #events: LinkEvents
  readonly #setup: () => HostSetup
  readonly #waiting = new Map<number, Waiting>()
  #host: AgentHost | null = null
  /** What was wrong with the host before it exits, to be told then. */
  #broken: { kind: RestartReason; reason: string } | null = null
  #wanted = false
  #history: number[] = []
  #cancelRestart = () => {}
  #cancelStartLimit = () => {}
  #onGone: (() => void)[] = []
  #lastId = 0
  #forkedAt = 0

  constructor(ports: LinkPorts, setup: () => HostSetup, events: LinkEvents) {
    this.#ports = ports
    this.#setup = setup
    this.#events = events
  }

  get pid(): number | null {
    return this.#host?.pid ?? null
  }

  /** Neither ended, let go nor given up: when its host dies another comes. */
  get isKept(): boolean {
    return this.#wanted
  }

  /** Forks the host; from now on it is brought back when it dies. */
  open(): void {
    this.#wanted = true
    this.#fork()
  }

  send(message: ToHost): void {
    this.#host?.send(message)
  }

  /** Forgets earlier restarts: a person has looked at it. */
  forgive(): void {
    this.#history = []
  }

  /** Asks the host; rejects with SQUADD_TIMEOUT, or SQUADD_CONFLICT when there is no host. */
  ask<K extends Ask['kind']>(
    message: WithoutId<Extract<Ask, { kind: K }>>,
    timeoutMs: number,
  ): Promise<Extract<Reply, { kind: AnswerTo[K] }>> {
    const host = this.#host
    if (!host) return Promise.reject(noHost())
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const cancel = this.#ports.clock.after(timeoutMs, () => {
        this.#waiting.delete(id)
        reject(new SquadError('SQUADD_TIMEOUT', `the agent host did not answer in ${timeoutMs} ms`))
      })
      this.#waiting.set(id, {
        resolve: (reply) => (cancel(), resolve(reply as Extract<Reply, { kind: AnswerTo[K] }>)),
        reject: (error) => (cancel(), reject(error)),
      })
      host.send({ ...message, id } as unknown as Ask)
    })
  }

  /** Ends the agent: program, tmux, host. Resolves when the host is gone. */
  end(): Promise<void> {
    return this.#close((host) => host.send({ kind: 'end' }), this.#ports.endLimitMs())
  }

  /** Lets the host go and leaves tmux and the program alone. */
  detach(): Promise<void> {
    return this.#close((host) => host.detach(), detachLimitMs)
  }

  /** The host hangs: the next one adopts what it had. */
  kill(): void {
    if (this.#host) this.#hangs(this.#host, 'it gave no sign of life')
  }

  #hangs(host: AgentHost, reason: string): void {
    this.#broken = { kind: 'hang', reason }
    host.kill()
  }

  #close(how: (host: AgentHost) => void, limitMs: number): Promise<void> {
    this.#wanted = false
    this.#cancelRestart()
    const host = this.#host
    if (!host) return Promise.resolve()
    const cancel = this.#ports.clock.after(limitMs, () => host.kill())
    const gone = new Promise<void>((resolve) => this.#onGone.push(resolve))
    how(host)
    return gone.then(cancel)
  }

  #fork(): void {
    this.#broken = null
    const setup = this.#setup()
    let exited = false
    this.#forkedAt = this.#ports.clock.now()
    const host = this.#ports.hosts.fork(setup, {
      message: (message) => this.#receive(message),
      exit: (reason, kind) => {
        exited = true
        this.#exited(reason, kind)
      },
    })
    if (exited) return
    this.#host = host
    this.#cancelStartLimit = this.#ports.clock.after(startLimitMs, () =>
      this.#hangs(host, `it was not ready after ${startLimitMs} ms`),
    )
    host.send({ kind: 'init', setup })
  }

  #receive(message: FromHost): void {
    if (message.kind === 'ready') {
      this.#cancelStartLimit()
      const { clock, meter } = this.#ports
      meter.dispatched('host', clock.now() - this.#forkedAt)
    }
    if (message.kind === 'broken')
      this.#broken = { kind: 'broken', reason: `${message.message}; ${message.hint}` }
    if (message.kind === 'alive' || message.kind === 'screen' || message.kind === 'typed') {
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      waiting?.resolve(message)
      return
    }
    this.#events.message(message)
  }

  #exited(exit: string, end: HostEnd): void {
    const { kind, reason } = this.#broken ?? { kind: end, reason: exit }
    this.#cancelStartLimit()
    this.#host = null
    for (const waiting of this.#waiting.values()) waiting.reject(noHost())
    this.#waiting.clear()
    for (const gone of this.#onGone.splice(0)) gone()
    if (!this.#wanted) return
    const { clock, random, brake } = this.#ports
    const decision = decideRestart(this.#history, clock.now(), brake(), random)
    this.#history = decision.history
    if (decision.kind === 'giveUp') {
      this.#wanted = false
      this.#events.gaveUp(`${reason}; ${decision.reason}`)
      return
    }
    this.#events.lost({ kind, reason, inMs: decision.afterMs })
    this.#cancelRestart = clock.after(decision.afterMs, () => this.#fork())
  }
}

function noHost(): SquadError {
  return new SquadError('SQUADD_CONFLICT', 'the agent has no host now', {
    hint: 'look at its state with squadd agent show',
  })
}
