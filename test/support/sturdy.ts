import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Squadd } from './squadd.ts'

const starts = 20
const tries = 200
const lookMs = 200

/** A user who does not give up: starts the daemon again, asks again, and means each thing once. */
export class Sturdy {
  readonly squad: Squadd
  #client: Client | null = null

  constructor(squad: Squadd) {
    this.squad = squad
  }

  get client(): Client {
    return (this.#client ??= connect({ socket: join(this.squad.home, 'run', 'squadd.sock') }))
  }

  /** Starts the daemon, as often as it takes. */
  async start(): Promise<void> {
    for (let nth = 1; ; nth++) {
      const { exitCode, stderr } = await this.squad.run('start')
      // Another start was first: then it is up as well.
      if (exitCode === 0 || exitCode === 6) break
      if (nth === starts) throw new Error(`squadd does not start any more: ${stderr}`)
      await pause(lookMs)
    }
    this.hangUp()
  }

  /** Asks until the daemon says yes or no; `revive`: one that is gone is started again. */
  async persist<T>(ask: (client: Client) => Promise<T>, { revive = false } = {}): Promise<T> {
    for (let nth = 1; ; nth++)
      try {
        return await ask(this.client)
      } catch (error) {
        if (nth === tries || !isPassing(error)) throw error
        if (revive && error.code === 'SQUADD_NOT_RUNNING') await this.start()
        else await pause(lookMs)
      }
  }

  hangUp(): void {
    this.#client?.close()
    this.#client = null
  }
}

const passing = new Set([
  'SQUADD_NOT_RUNNING',
  'SQUADD_SHUTTING_DOWN',
  'SQUADD_STORE_FAILED',
  'SQUADD_TIMEOUT',
  'SQUADD_BUSY',
])

const isPassing = (error: unknown): error is SquadError =>
  error instanceof SquadError && passing.has(error.code)
