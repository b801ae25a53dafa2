import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import { firstEvent } from './events.ts'
import { Prometheus } from './prometheus.ts'
import { ownPrograms, SlowTmux } from './slow-tmux.ts'
import { Squadd } from './squadd.ts'

const claudeStub = resolve(import.meta.dirname, '../fixtures/claude-stub.ts')

/** A real squad and a real Prometheus that looks at it each second. */
export class WatchedSquad {
  readonly squad: Squadd
  readonly client: Client
  readonly prometheus: Prometheus
  readonly #slow: SlowTmux
  readonly #over = new AbortController()
  readonly #since = new Map<EventType, number>()
  readonly #killed = new Map<string, number>()

  private constructor(squad: Squadd, prometheus: Prometheus, slow: SlowTmux) {
    this.squad = squad
    this.prometheus = prometheus
    this.client = connect({ socket: join(squad.home, 'run', 'squadd.sock') })
    this.#slow = slow
    void this.#listen()
  }

  static async start(settings: Record<string, unknown> = {}): Promise<WatchedSquad> {
    // Every command of the squad gets it, with what is added below.
    const env: Record<string, string> = {}
    const squad = new Squadd(env)
    // A host comes up as slowly as it has to for Prometheus to see it.
    const slow = new SlowTmux(squad.dir)
    env['PATH'] = ownPrograms(squad.dir, {
      claude: `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${claudeStub}' "$@"`,
      tmux: slow.script,
    })
    env['CLAUDE_CONFIG_DIR'] = join(squad.dir, 'claude')
    squad.configure(settings)
    const address = `127.0.0.1:${await freePort()}`
    let prometheus: Prometheus | undefined
    try {
      await squad.json('start', '--metrics-listen', address)
      prometheus = await Prometheus.start(join(squad.dir, 'prometheus'), address)
      await prometheus.until('up == 1')
      return new WatchedSquad(squad, prometheus, slow)
    } catch (error) {
      await prometheus?.stop()
      await squad.remove()
      throw error
    }
  }

  /** One who listens to everything, as a page or a script would. */
  async #listen(): Promise<void> {
    for await (const _ of this.client.events({ since: 0, signal: this.#over.signal }));
  }

  /** Waits for an event that comes after those that were waited for before. */
  async event(type: EventType, is: (event: SquadEvent) => boolean = () => true): Promise<void> {
    const signal = AbortSignal.timeout(120_000)
    const since = this.#since.get(type) ?? 0
    this.#since.set(type, (await firstEvent(this.client, type, { since, is, signal })).seq)
  }

  /** Kills the host of an agent, once it has one that was not killed before. */
  async killHost(id: string): Promise<void> {
    const { lastEvent: since } = await this.client.call('status', {})
    const another = async () => {
      const { hostPid } = await this.client.call('agents.show', { id })
      return hostPid === this.#killed.get(id) ? null : hostPid
    }
    const isUp = ({ agentId, data }: SquadEvent) => agentId === id && data['to'] !== 'starting'
    const upAgain = async () => {
      await firstEvent(this.client, 'AgentStateChanged', { since, is: isUp })
      return another()
    }
    const pid = (await another()) ?? (await upAgain())
    if (pid === null) throw new Error(`${id} is up without a host`)
    this.#killed.set(id, pid)
    process.kill(pid, 'SIGKILL')
  }

  /** Hosts that come up meanwhile wait until Prometheus has seen that they do. */
  async slowly(work: () => Promise<unknown>): Promise<void> {
    this.#slow.hold()
    const done = work()
    await this.prometheus.until('squadd_agents{state="starting"} > 0')
    this.#slow.release()
    await done
  }

  async remove(): Promise<void> {
    this.#slow.release()
    this.#over.abort()
    this.client.close()
    await this.prometheus.stop()
    await this.squad.remove()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
