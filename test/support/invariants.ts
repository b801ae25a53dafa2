import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/supervisor/api/client.ts'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import { Canaries } from './invariants/canaries.ts'
import type { Ledger } from './invariants/ledger.ts'
import { compared, readLedger, replayed } from './invariants/ledger.ts'
import { disagreeing, samplesOf } from './invariants/metrics.ts'
import { alone, filesOf, leaked, litter, memoryOf, processesOf } from './invariants/processes.ts'
import type { Squadd } from './squadd.ts'

const looks = 3
const lookMs = 150
/** What is left after an attempt may take this long to go; the machine may have other work. */
const quietLimitMs = 60_000
/** A trace with its error is no longer. */
const traceLines = 20
const memoryLimit = 300 * 2 ** 20

/**
 * The ten invariants over store, outbox, processes, sockets, worktrees and metrics of one squad.
 * `now` holds at any moment, `quiet` when nothing runs; both answer with what is violated.
 */
export class Invariants {
  readonly canaries: Canaries
  readonly #squad: Squadd
  readonly #acknowledged = new Map<string, string | null>()
  #before: Ledger | null = null
  #samples: { pid: number; values: Map<string, number> } | null = null
  #files: { pid: number; open: number } | null = null
  /** What `quiet` saw violated while it waited, though it may have healed since. */
  readonly #breaches = new Set<string>()

  constructor(squad: Squadd) {
    this.#squad = squad
    this.canaries = new Canaries(squad)
  }

  close(): void {
    this.canaries.close()
  }

  /** The daemon has answered that it has these: from now on each exists exactly once. */
  acknowledge(tasks: readonly Task[]): void {
    for (const { id, spec } of tasks) this.#acknowledged.set(id, spec.key)
  }

  get ledger(): Ledger {
    return readLedger(join(this.#squad.home, 'squadd.db'))
  }

  /** What is wrong at this moment, whatever is under way. */
  async now(): Promise<string[]> {
    const ledger = this.ledger
    const wrong = [...this.#stored(ledger), ...this.canaries.check(), ...this.#logged()]
    // /proc is not read at one moment: what is wrong is seen again.
    let seen = alone(processesOf(ledger.instance), ledger)
    for (let look = 1; look < looks && seen.length > 0; look++) {
      await pause(lookMs)
      const again = new Set(alone(processesOf(ledger.instance), this.ledger))
      seen = seen.filter((one) => again.has(one))
    }
    return [...wrong, ...seen]
  }

  /**
   * What is wrong when every task has settled; waits until what is going has gone. What must hold at
   * any moment and once did not is told, however it ends: also by the next call, if this one fails.
   */
  async quiet(client: Client): Promise<string[]> {
    const until = performance.now() + quietLimitMs
    for (;;) {
      for (const breach of await this.now()) this.#breaches.add(breach)
      const late = await this.#late(client)
      if (late.length > 0 && performance.now() < until) {
        await pause(lookMs)
        continue
      }
      const wrong = [...this.#breaches, ...late]
      this.#breaches.clear()
      return wrong
    }
  }

  /** What may still be on its way out. */
  async #late(client: Client): Promise<string[]> {
    const agents = (await client.call('agents.list', {})) as AgentView[]
    const { pid } = await client.call('status', {})
    const values = samplesOf(await client.call('metrics', {}))
    const ledger = this.ledger
    const { agentsDir, runtimeDir } = {
      agentsDir: join(this.#squad.home, 'agents'),
      runtimeDir: join(this.#squad.home, 'run'),
    }
    const before = this.#samples?.pid === pid ? this.#samples.values : null
    const wrong = [
      ...leaked(processesOf(ledger.instance), ledger, runtimeDir),
      ...litter(agentsDir, ledger),
      ...disagreeing(values, before, ledger),
      ...explained(agents, ledger),
      ...this.#spent(pid),
    ]
    if (wrong.length === 0) this.#samples = { pid, values }
    return wrong
  }

  #stored(ledger: Ledger): string[] {
    const wrong = replayed(ledger)
    if (this.#before) wrong.push(...compared(this.#before, ledger))
    this.#before = ledger
    const tasks = new Map(ledger.tasks.map((task) => [task.id, task]))
    for (const [id, key] of this.#acknowledged)
      if (tasks.get(id)?.key !== key) wrong.push(`I1: ${id} was acknowledged and is not there`)
    return wrong
  }

  /** I8: files and memory are back; nothing was thrown that nobody caught. */
  #spent(pid: number): string[] {
    const open = filesOf(pid)
    const base = this.#files?.pid === pid ? this.#files.open : open
    this.#files = { pid, open: base }
    const memory = memoryOf(pid)
    const wrong: string[] = []
    if (open > base * 1.1 + 4) wrong.push(`I8: the supervisor has ${open} files open, had ${base}`)
    if (memory > memoryLimit) wrong.push(`I8: the supervisor has ${memory} bytes of memory`)
    return wrong
  }

  #logged(): string[] {
    const log = readFileSync(join(this.#squad.home, 'daemon.log'), 'utf8')
    const bad = /"type":"(Type|Reference|Range|Syntax)Error"|SQUADD_INTERNAL|MaxListenersExceeded/
    const all = log.split('\n')
    // What a planted fault made a host say before it ended, its trace too, was meant.
    const isPlanted = (at: number) =>
      all.slice(Math.max(0, at - traceLines), at + 1).some((line) => line.includes('failpoint '))
    const lines = all.filter((line, at) => bad.test(line) && !isPlanted(at))
    return lines.map((line) => `I8: ${line.slice(0, 300)}`)
  }
}

/** I7: who needs a person says why, and the way out. */
function explained(agents: readonly AgentView[], { tasks }: Ledger): string[] {
  const wrong: string[] = []
  for (const { id, state, reason, evidence } of agents) {
    if (state === 'failed' && !/reset/.test(reason ?? '')) wrong.push(`I7: ${id} failed: ${reason}`)
    if (evidence.length === 0) wrong.push(`I7: ${id} is ${state} without evidence`)
  }
  for (const { id, state, reason } of tasks) {
    if (state === 'held' && !reason) wrong.push(`I7: ${id} is held without a reason`)
    if (state === 'running') wrong.push(`I5: ${id} is running, though all is quiet`)
  }
  return wrong
}
