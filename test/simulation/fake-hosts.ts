import type {
  AttemptKey,
  FromHost,
  HostSetup,
  ToHost,
} from '../../src/supervisor/domain/message.ts'
import type { AgentHost, AgentHosts, HostEvents } from '../../src/supervisor/domain/ports.ts'
import type { Clock, Random } from '../../src/supervisor/domain/time.ts'
import type { Fate, Programs } from './fake-terminal.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { between } from './seeded.ts'

export type FakeHostsOptions = {
  clock: Clock
  random: Random
  fateOf: (agentId: string, key: AttemptKey) => Fate
  /** Something happened that never may. */
  breach: (text: string) => void
}

/** What may be wrong with an agent's place; a test sets it. */
type Site = {
  terminal: FakeTerminal
  host: FakeHost | null
  /** Open when no host has the agent's folder. */
  lock: Promise<unknown>
  /** So many hosts to come say that they cannot work. */
  broken: number
}

const messageMs = 1
const lastAnswerMs = 2000
const boot = { min: 30, max: 400 }
const exitWithin = { min: 1, max: 2000 }
const clearing = { min: 5, max: 2500 }

/** Agent hosts that only pretend: each has a place of its own, which outlives it. */
export class FakeHosts implements AgentHosts {
  readonly #options: FakeHostsOptions
  readonly #sites = new Map<string, Site>()
  readonly programs: Programs
  #lastPid = 100

  constructor(options: FakeHostsOptions) {
    this.#options = options
    const { clock, breach } = options
    this.programs = { clock, breach, running: new Map() }
  }

  fork(setup: HostSetup, events: HostEvents): AgentHost {
    const site = this.#site(setup.dir)
    const before = site.host
    if (before?.isWanted) this.#options.breach(`${setup.spec.id} has two hosts`)
    const { clock, random, fateOf, breach } = this.#options
    const host = new FakeHost({
      ...{ clock, random, events, breach },
      pid: ++this.#lastPid,
      terminal: site.terminal,
      fateOf: (key) => fateOf(setup.spec.id, key),
      lock: site.lock,
      isBroken: () => site.broken > 0 && site.broken-- > 0,
    })
    site.host = host
    site.lock = Promise.all([site.lock, host.whenGone])
    return host
  }

  /** Takes a while, unless who does it is gone before. */
  async clear({ dir }: Pick<HostSetup, 'dir'>, isOver = () => false): Promise<void> {
    const { clock, random, breach } = this.#options
    const site = this.#site(dir)
    if (site.host?.isWanted) breach(`${dir} is cleared while it has a host`)
    await new Promise<void>((resolve) =>
      clock.after(between(random, clearing.min, clearing.max), resolve),
    )
    if (isOver()) return
    if (site.host?.isWanted) breach(`${dir} was cleared while it has a host`)
    site.terminal.clear()
  }

  /** kill -9 of the agent's host; its programs go on. */
  crash(dir: string): void {
    this.#site(dir).host?.kill()
  }

  /** The next hosts of the agent cannot work. */
  break(dir: string, times: number): void {
    this.#site(dir).broken = times
  }

  /** The host answers no more, until it is killed. */
  hang(dir: string): void {
    this.#site(dir).host?.hang()
  }

  /** The program dies, and who could tell of it too. */
  lose(dir: string): void {
    this.#site(dir).terminal.lose()
  }

  /** The supervisor is gone: hosts notice, and go. */
  orphan(): void {
    for (const { host } of this.#sites.values()) host?.detach()
  }

  #site(dir: string): Site {
    const known = this.#sites.get(dir)
    if (known) return known
    const terminal = new FakeTerminal(dir, this.programs)
    const site: Site = { terminal, host: null, lock: Promise.resolve(), broken: 0 }
    this.#sites.set(dir, site)
    return site
  }
}

type HostPorts = {
  clock: Clock
  random: Random
  pid: number
  terminal: FakeTerminal
  events: HostEvents
  lock: Promise<unknown>
  fateOf: (key: AttemptKey) => Fate
  isBroken: () => boolean
  breach: (text: string) => void
}

/** One forked host: it controls, and holds no truth. */
class FakeHost implements AgentHost {
  readonly pid: number
  readonly #ports: HostPorts
  readonly #unread: ToHost[] = []
  #setGone = () => {}
  readonly whenGone = new Promise<void>((resolve) => (this.#setGone = resolve))
  #isReady = false
  #isGone = false
  #isLeaving = false
  #hangs = false
  #whenCleaned = () => {}

  constructor(ports: HostPorts) {
    this.#ports = ports
    this.pid = ports.pid
  }

  /** Neither gone nor told to go. */
  get isWanted(): boolean {
    return !this.#isGone && !this.#isLeaving
  }

  send(message: ToHost): void {
    this.#later(messageMs, () => this.#arrived(message))
  }

  detach(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#hangs = true
    this.#later(this.#draw(exitWithin), () => this.#exit('exit status 0'))
  }

  kill(): void {
    this.#later(messageMs, () => this.#exit('killed by SIGKILL'))
  }

  hang(): void {
    this.#hangs = true
  }

  #arrived(message: ToHost): void {
    if (this.#hangs) return
    if (message.kind === 'init') {
      void this.#ports.lock.then(() =>
        this.#later(this.#draw(boot), () => this.#start(message.setup)),
      )
    } else if (this.#isReady) this.#receive(message)
    else this.#unread.push(message)
  }

  #start({ current }: HostSetup): void {
    const { terminal, isBroken } = this.#ports
    if (this.#hangs) return
    if (isBroken()) {
      this.#tell({ kind: 'broken', message: 'there is no tmux', hint: 'install it' })
      return this.#later(2 * messageMs, () => this.#exit('exit status 1'))
    }
    terminal.events = {
      started: (key, programPid) =>
        this.#tell({ kind: 'started', key, programPid, at: this.#ports.clock.now() }),
      ended: (verdict) => this.#tell({ kind: 'verdict', verdict }),
    }
    for (const key of terminal.keys) if (key !== current?.order.key) this.#endStray(key)
    const key = current?.order.key ?? null
    const programPid = key !== null && terminal.isRunning(key) ? 1 : null
    this.#tell({ kind: 'ready', tmuxPid: 1, adopted: key, programPid })
    if (current) this.#resume(current)
    this.#isReady = true
    for (const message of this.#unread.splice(0)) this.#receive(message)
  }

  #endStray(key: AttemptKey): void {
    const { terminal } = this.#ports
    const verdict = terminal.verdictOf(key)
    if (verdict) this.#tell({ kind: 'verdict', verdict })
    else terminal.abandon(key)
  }

  #resume({ order, stop }: NonNullable<HostSetup['current']>): void {
    const { terminal } = this.#ports
    const verdict = terminal.verdictOf(order.key)
    if (verdict) this.#tell({ kind: 'verdict', verdict })
    else if (!terminal.keys.includes(order.key)) terminal.refuse(order.key)
    else if (stop) terminal.stop(order.key, stop)
  }

  #receive(message: ToHost): void {
    const { terminal, fateOf } = this.#ports
    switch (message.kind) {
      case 'run': {
        const fate = fateOf(message.order.key)
        terminal.launch(message.order.key, fate)
        if (fate.hostDiesInMs !== null) this.#later(fate.hostDiesInMs, () => this.kill())
        return
      }
      case 'stop-attempt':
        return terminal.stop(message.key, message.reason)
      case 'recorded':
        if (!terminal.clean(message.key)) return
        this.#tell({ kind: 'cleaned', key: message.key })
        return this.#whenCleaned()
      case 'probe': {
        const key = terminal.open
        const programPid = key !== undefined && terminal.isRunning(key) ? 1 : null
        return this.#tell({ kind: 'alive', id: message.id, tmux: true, programPid, outputAt: null })
      }
      case 'screen':
        return this.#tell({ kind: 'screen', id: message.id, text: '' })
      case 'answer':
      case 'type':
        return this.#tell({ kind: 'typed', id: message.id, problem: null })
      case 'end':
        return this.#endAgent()
      case 'init':
      case 'facts':
      case 'scan':
        return
    }
  }

  /** Stops what runs, and goes when the store has answered or has had its time. */
  #endAgent(): void {
    const { terminal } = this.#ports
    const leave = () => {
      if (this.#isLeaving) return
      this.#isLeaving = true
      terminal.clear()
      this.#tell({ kind: 'ended', leftovers: [] })
      this.#later(2 * messageMs, () => this.#exit('exit status 0'))
    }
    const key = terminal.open
    if (key !== undefined) terminal.stop(key, 'preempted')
    if (terminal.keys.length === 0) return leave()
    this.#whenCleaned = leave
    const waitMs = (key === undefined ? 0 : stopLimitMs) + lastAnswerMs
    this.#later(waitMs, leave)
  }

  #tell(message: FromHost): void {
    if (this.#hangs) return
    this.#later(messageMs, () => {
      try {
        this.#ports.events.message(message)
      } catch (error) {
        this.#ports.breach(`the message ${message.kind} threw: ${String(error)}`)
      }
    })
  }

  #exit(reason: string): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#ports.terminal.events = null
    try {
      this.#ports.events.exit(reason, 'exit')
    } catch (error) {
      this.#ports.breach(`the exit of a host threw: ${String(error)}`)
    }
    this.#setGone()
  }

  #draw({ min, max }: { min: number; max: number }): number {
    return between(this.#ports.random, min, max)
  }

  #later(ms: number, then: () => void): void {
    this.#ports.clock.after(ms, () => {
      if (!this.#isGone) then()
    })
  }
}

/** No program of a fate takes longer to stop. */
export const stopLimitMs = 5000
