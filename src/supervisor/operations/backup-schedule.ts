import { statSync } from 'node:fs'
import { messageOf } from '../domain/error.ts'
import type { Config } from '../domain/config.ts'
import type { NewEvent } from '../domain/event.ts'
import type { Clock } from '../domain/time.ts'
import type { Home } from '../home.ts'
import type { CopyOrder } from '../store/backup.ts'
import { listBackups, makeBackup, trimBackups } from './backups.ts'

export type BackupSchedulePorts = {
  home: Home
  clock: Clock
  config: () => Pick<Config, 'backupIntervalMs' | 'backupKeep'>
  copy: (order: CopyOrder) => Promise<void>
  happened: (event: NewEvent) => void
}

// After one that failed.
const againMs = 600_000

/**
 * Makes a backup whenever the newest is `backupIntervalMs` old, over restarts too. One timer and
 * nothing between. A failure is told and tried again after ten minutes.
 */
export class BackupSchedule {
  readonly #ports: BackupSchedulePorts
  #cancel = () => {}
  #running: Promise<void> | null = null
  #isStopped = false

  constructor(ports: BackupSchedulePorts) {
    this.#ports = ports
  }

  /** Begins, or begins anew after the configuration has changed. */
  start(): void {
    const { home, clock, config } = this.#ports
    const interval = config().backupIntervalMs
    this.#cancel()
    if (interval === 0 || this.#running || this.#isStopped) return
    const since = listBackups(home)[0]?.at ?? statSync(home.storeFile).birthtimeMs
    // A clock that was set back must not put it off for ever.
    const left = Math.min(interval, Math.max(0, since + interval - clock.now()))
    this.#wait(left)
  }

  /** Resolves when none is being made. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#running
  }

  #wait(ms: number): void {
    this.#cancel = this.#ports.clock.after(ms, () => {
      this.#running = this.#make().then((isMade) => {
        this.#running = null
        if (this.#isStopped) return
        if (isMade) this.start()
        else this.#wait(againMs)
      })
    })
  }

  async #make(): Promise<boolean> {
    const { home, clock, config, copy, happened } = this.#ports
    try {
      const { file, bytes } = await makeBackup(home, clock.now(), copy)
      trimBackups(home, config().backupKeep)
      happened({ type: 'BackupMade', data: { file, bytes } })
      return true
    } catch (error) {
      const reason = messageOf(error)
      happened({ type: 'BackupFailed', data: { reason } })
      return false
    }
  }
}
