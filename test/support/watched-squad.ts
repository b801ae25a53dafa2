import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execaSync } from 'execa'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import { Prometheus } from './prometheus.ts'
import { Squadd } from './squadd.ts'

const claudeStub = resolve(import.meta.dirname, '../fixtures/claude-stub.ts')

/** A real squad and a real Prometheus that looks at it each second. */
export class WatchedSquad {
  readonly squad: Squadd
  readonly client: Client
  readonly prometheus: Prometheus
  readonly #slow: string
  readonly #over = new AbortController()
  readonly #since = new Map<EventType, number>()
  readonly #killed = new Map<string, number>()

  private constructor(squad: Squadd, prometheus: Prometheus, slow: string) {
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
    const bin = join(squad.dir, 'bin')
    const slow = join(squad.dir, 'slow')
    const programs = {
      claude: `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${claudeStub}' "$@"`,
      // A host comes up as slowly as it has to for Prometheus to see it.
      tmux: `while [ -e '${slow}' ]; do sleep 0.1; done\nexec '${pathOf('tmux')}' "$@"`,
    }
    mkdirSync(bin)
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(bin, name), 0o755)
    }
    env['PATH'] = `${bin}:${process.env['PATH']}`
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
    const over = AbortSignal.timeout(120_000)
    const since = this.#since.get(type) ?? 0
    for await (const event of this.client.events({ since, signal: over })) {
      if (event.type !== type || !is(event)) continue
      this.#since.set(type, event.seq)
      return
    }
    throw new Error(`no ${type} in time`)
  }

  /** Kills the host of an agent as soon as it has one. */
  async killHost(id: string): Promise<void> {
    for (;;) {
      const { hostPid } = await this.client.call('agents.show', { id })
      if (hostPid !== null && hostPid !== this.#killed.get(id)) {
        this.#killed.set(id, hostPid)
        process.kill(hostPid, 'SIGKILL')
        return
      }
      await delay(50)
    }
  }

  /** Hosts that come up meanwhile wait until Prometheus has seen that they do. */
  async slowly(work: () => Promise<unknown>): Promise<void> {
    writeFileSync(this.#slow, '')
    const done = work()
    await this.prometheus.until('squadd_agents{state="starting"} > 0')
    rmSync(this.#slow)
    await done
  }

  async remove(): Promise<void> {
    if (existsSync(this.#slow)) rmSync(this.#slow)
    this.#over.abort()
    this.client.close()
    await this.prometheus.stop()
    await this.squad.remove()
  }
}

const pathOf = (program: string): string =>
  execaSync('sh', ['-c', 'command -v -- "$1"', 'sh', program]).stdout

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
