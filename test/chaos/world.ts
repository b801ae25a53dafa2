import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { Invariants } from '../support/invariants.ts'
import { canMount, Disk } from '../support/disk.ts'
import { Squadd } from '../support/squadd.ts'
import { Sturdy } from '../support/sturdy.ts'
import type { Job } from './plan.ts'

const unruly = resolve(import.meta.dirname, '../fixtures/unruly.sh')
const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
const agents = ['ada', 'bob', 'cid', 'dora', 'eve', 'fay', 'gus', 'hal']
const diskBytes = 64 * 2 ** 20

/** A squad of eight agents that run a program which behaves badly, and all it needs to be broken. */
export class World extends Sturdy {
  readonly invariants: Invariants
  readonly journal: string
  /** A small disk of its own for the home, where this machine can make one. */
  readonly disk: Disk | null
  /** What the wall clock of the supervisor is moved by, in a file; where there is a library for it. */
  readonly #clock: string | null
  readonly jobs = new Map<string, Job>()

  constructor() {
    const time = {
      LD_PRELOAD: faketime,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    const env: Record<string, string> = existsSync(faketime) ? time : {}
    super(new Squadd(env))
    this.#clock = existsSync(faketime) ? join(this.squad.dir, 'clock') : null
    if (this.#clock) env['FAKETIME_TIMESTAMP_FILE'] = this.#clock
    this.moveClock(0)
    mkdirSync(this.squad.home, { recursive: true, mode: 0o700 })
    this.disk = canMount() ? new Disk(this.squad.home, diskBytes) : null
    this.squad.configure({
      ...{
        stopGraceMs: 500,
        outputLimitBytes: 131_072,
        minFreeDiskBytes: 0,
        minFreeFiles: 0,
        minFreeMemoryBytes: 0,
      },
      ...{ healthCheckIntervalMs: 2000, breakerMaxFailures: 5, breakerResetMs: 1000 },
      ...{ restartIntensity: 50, restartPeriodMs: 60_000, taskMaxAttempts: 1000 },
    })
    this.journal = join(this.squad.dir, 'journal')
    writeFileSync(this.journal, '')
    this.invariants = new Invariants(this.squad)
  }

  get canMoveClock(): boolean {
    return this.#clock !== null
  }

  moveClock(ms: number): void {
    if (this.#clock) writeFileSync(this.#clock, `${ms < 0 ? '-' : '+'}${Math.abs(ms / 1000)}\n`)
  }

  get pid(): number {
    const { pid } = JSON.parse(readFileSync(join(this.squad.home, 'daemon.pid'), 'utf8')) as {
      pid: number
    }
    return pid
  }

  async open(): Promise<void> {
    await this.start()
    for (const id of agents) await this.addAgent(id)
  }

  async addAgent(id: string): Promise<void> {
    const argv = ['sh', unruly, this.journal, '{prompt}']
    await this.persist((client) =>
      client.call('agents.add', { id, repo: this.squad.repo, program: 'command', argv }),
    )
  }

  /** Submits until it is acknowledged; the key makes one task of all tries. */
  async submit(job: Job): Promise<Task> {
    this.jobs.set(job.name, job)
    const { name: key, prompt, timeoutMs } = job
    const input = { key, prompt, timeoutMs, ...(job.lies ? { verify: ['false'] } : {}) }
    const [task] = (await this.persist((client) =>
      client.call('tasks.add', { tasks: [input] }),
    )) as Task[]
    this.invariants.acknowledge([task!])
    return task!
  }

  agentViews(): Promise<AgentView[]> {
    return this.persist((client) => client.call('agents.list', {})) as Promise<AgentView[]>
  }

  /** What a person would do by now: agents that failed, or lost their worktree, begin again. */
  async tend(): Promise<void> {
    for (const { id, state, worktree } of await this.agentViews()) {
      const mend =
        state === 'failed' ? 'agents.reset' : existsSync(worktree) ? null : 'agents.restart'
      if (mend) await this.client.call(mend, { id }).catch(() => {})
      else if (state === 'paused' || state === 'stopped')
        await this.client.call('agents.resume', { id }).catch(() => {})
    }
  }

  /** How often each task's program came to its end, as it says itself. */
  endings(): Map<string, number> {
    const ends = readFileSync(this.journal, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('ended '))
    const found = new Map<string, number>()
    for (const line of ends)
      found.set(line.split(' ')[1]!, (found.get(line.split(' ')[1]!) ?? 0) + 1)
    return found
  }

  /** A copy of what the daemon logged, that stays. */
  async keepLog(): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), 'squadd-chaos-'))
    cpSync(join(this.squad.home, 'daemon.log'), join(dir, 'daemon.log'))
    cpSync(join(this.squad.home, 'squadd.db'), join(dir, 'squadd.db'))
    return dir
  }

  async close(): Promise<void> {
    this.hangUp()
    this.invariants.close()
    this.disk?.close()
    rmSync(this.squad.dir, { recursive: true, force: true })
  }
}
