import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { execaSync } from 'execa'
import type { Stub } from '../../fixtures/model-stub/server.ts'
import { startStub } from '../../fixtures/model-stub/server.ts'
import { makeHome } from '../home.ts'
import { agentsFolder } from '../install.ts'
import type { Place, Recorded } from './program.ts'
import { Recording } from './recording.ts'

/** What one recording needs: a home, a repository, a stub of the model APIs. */
export class Stage {
  readonly program: Recorded
  readonly dir: string
  readonly place: Place
  readonly env: Record<string, string>
  readonly recording: Recording
  readonly #stub: Stub
  readonly #session = randomUUID()

  static async open(program: Recorded): Promise<Stage> {
    return new Stage(program, await startStub())
  }

  private constructor(program: Recorded, stub: Stub) {
    this.program = program
    this.#stub = stub
    this.dir = mkdtempSync(join(tmpdir(), 'sq-rec-'))
    const at = (name: string) => join(this.dir, name)
    this.place = { home: at('home'), tree: at('tree'), outbox: at('outbox'), ours: at('ours') }
    const { home, env } = makeHome(program.program, this.place.home, stub.url)
    for (const folder of [this.place.outbox, this.place.ours]) mkdirSync(folder)
    execaSync('git', ['init', '-q', '-b', 'main', this.place.tree])
    this.env = { ...env, ...program.prepare(this.place) }
    this.recording = new Recording({
      [home]: '/home/user',
      [this.place.tree]: '/work/tree',
      [this.place.outbox]: '/work/outbox',
      [this.place.ours]: '/work/ours',
      [agentsFolder()]: '/opt/agents',
      [new URL(stub.url).host]: '127.0.0.1:8787',
    })
  }

  /** The id of the conversation: ours, or the one that the program has chosen. */
  get session(): string {
    return this.program.sessionOf(this.recording.lines, this.#session)
  }

  /** Resolves when the model has been asked for the prompt with this marker. */
  async asked(marker: string): Promise<void> {
    await this.#stub.until((request) => request.marker === marker)
  }

  async close(): Promise<void> {
    await this.#stub.close()
    for (const pid of await this.#leftovers()) {
      console.error(`left behind by ${this.program.program}: ${pid}`)
      process.kill(pid, 'SIGKILL')
    }
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Processes of this recording that have not ended a while after their program. */
  async #leftovers(): Promise<number[]> {
    for (let tries = 0; ; tries++) {
      const left = readdirSync('/proc')
        .map(Number)
        .filter((pid) => pid > 0 && this.#owns(pid))
      if (left.length === 0 || tries === 50) return left
      await pause(100)
    }
  }

  #owns(pid: number): boolean {
    try {
      return ['environ', 'cmdline'].some((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(this.dir),
      )
    } catch {
      return false
    }
  }
}
