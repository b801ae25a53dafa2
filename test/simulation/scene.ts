import type { AgentInput, AgentRecord } from '../../src/supervisor/domain/agent.ts'
import type { Config } from '../../src/supervisor/domain/config.ts'
import { parseConfig } from '../../src/supervisor/domain/config.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { AttemptKey, HostSetup } from '../../src/supervisor/domain/message.ts'
import type { AgentHosts, HostFacts, Store } from '../../src/supervisor/domain/ports.ts'
import type { TaskId, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Random } from '../../src/supervisor/domain/time.ts'
import { openFile, overSqlite } from '../../src/supervisor/store/open.ts'
import type { Connection } from '../../src/supervisor/store/sqlite.ts'
import type { Value } from '../../src/supervisor/store/statement.ts'
import { rows } from '../../src/supervisor/store/statement.ts'
import { Supervisor } from '../../src/supervisor/supervisor.ts'
import { FakeHosts } from './fake-hosts.ts'
import { silentMeter } from '../support/silent-meter.ts'
import type { Fate } from './fake-terminal.ts'
import type { ReadyRow } from './laws.ts'
import { Laws } from './laws.ts'
import { hash, seeded } from './seeded.ts'
import { drained, VirtualClock } from './virtual-clock.ts'

/** When a simulation begins, ms since 1970. */
export const begin = 1_700_000_000_000

export type SceneOptions = {
  seed: number
  config?: Partial<Config>
  /** What becomes of an attempt; `random` is its own. */
  fate: (random: Random, agentId: string, key: AttemptKey) => Fate
  /** Timers that fire this much before their time. */
  earlyMs?: number
  /** A slow disk: how long after the change of an agent was stored that is answered. */
  agentWriteMs?: number
}

/** One life of the supervisor; what a dead one still hears and does has no effect. */
type Life = { isOver: boolean }

/** The real supervisor on the real store, with time, agents and machine made up. */
export class Scene {
  readonly clock: VirtualClock
  readonly hosts: FakeHosts
  readonly laws: Laws
  readonly store: Store
  /** How the machine is. */
  readonly machine: HostFacts = {
    loadPerCore: 0.5,
    totalMemoryBytes: 2 ** 35,
    freeMemoryBytes: 2 ** 34,
    freeDiskBytes: 2 ** 38,
    freeFiles: Infinity,
  }
  config: Config
  fate: SceneOptions['fate']
  readonly #seed: number
  readonly #agentWriteMs: number
  readonly #random: Random
  readonly #connection: Connection
  #pending = 0
  #life: Life = { isOver: false }
  #squad: Supervisor

  constructor({ seed, config, fate, earlyMs, agentWriteMs = 0 }: SceneOptions) {
    this.config = parseConfig(config ?? {})
    this.fate = fate
    this.#seed = seed
    this.#agentWriteMs = agentWriteMs
    this.#random = seeded(seed)
    this.clock = new VirtualClock(begin, () => this.settle(), earlyMs)
    this.laws = new Laws(
      () => this.config,
      () => this.clock.now(),
    )
    const breach = (text: string) => this.laws.breach(text)
    this.hosts = new FakeHosts({
      ...{ clock: this.clock, random: seeded(seed + 1), breach },
      fateOf: (agentId, key) => this.fate(seeded(hash(key, this.#seed)), agentId, key),
    })
    this.#connection = openFile(':memory:', begin)
    this.store = this.#watched(
      overSqlite(this.#connection, {
        patience: () => this.config,
        taskQueueSize: () => this.config.taskQueueSize,
      }),
    )
    this.store.onCommitted((events) => this.laws.committed(events))
    this.#squad = this.#supervisor()
  }

  get squad(): Supervisor {
    return this.#squad
  }

  /** Ends what this instant began: all promises have gone on, nothing waits for a commit. */
  async settle(): Promise<void> {
    await drained()
    while (this.#pending > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  start(): Promise<void> {
    return this.clock.until(this.#squad.start(), 60_000)
  }

  async addAgents(inputs: readonly Omit<AgentInput, 'repo'>[]): Promise<void> {
    for (const input of inputs) {
      const adding = this.#squad.addAgent({ repo: '/repo', ...input })
      await this.clock.until(adding, 60_000)
      this.laws.added(this.#squad.agent(input.id).record.spec)
    }
  }

  async submit(inputs: readonly TaskInput[]): Promise<void> {
    this.laws.submitted(await this.#squad.submit(inputs))
  }

  /** Changes the number of tasks at the same time, for what is decided from now on. */
  limit(maxConcurrentTasks: number): void {
    this.config = { ...this.config, maxConcurrentTasks }
    this.#squad.reconfigure()
  }

  folderOf(agentId: string): string {
    return this.#squad.agent(agentId).setup().dir
  }

  /** kill -9 of the supervisor, and the next one. */
  async restart(): Promise<void> {
    const life = this.#life
    life.isOver = true
    this.hosts.orphan()
    // What it had handed to the store is stored.
    await this.settle()
    if (this.#life !== life) return
    this.laws.supervisorDied()
    this.#life = { isOver: false }
    this.#squad = this.#supervisor()
    await this.#squad.start()
  }

  /** The law of diligence: whatever could be given out now has a reason to wait. */
  nothingIsOverlooked(): void {
    const names = (sql: string, ...values: Value[]) =>
      this.#connection.run(rows<{ id: number }>(sql, ...values)).map(({ id }) => `t${id}`)
    for (const id of names(
      `select id from task where state = 'delayed' and not_before <= ?1`,
      this.now,
    ))
      this.laws.breach(`${id} is due and not ready`)
    for (const id of names(`select id, min(rank) from task where state = 'ready' group by lane`))
      this.isExplained(id)
  }

  /** Whoever asks is told what a task waits for. */
  isExplained(id: TaskId): void {
    const { state, reasons, summary } = this.#squad.explain(id)
    if (summary.startsWith('an agent is free')) this.laws.breach(`${id} waits though ${summary}`)
    if (reasons.length === 0) this.laws.breach(`${id} is ${state} and nobody knows why: ${summary}`)
  }

  /** How many tasks go on by themselves. */
  get moving(): number {
    const { delayed, ready, running } = this.store.taskCounts()
    return delayed + ready + running
  }

  get now(): number {
    return this.clock.now()
  }

  async close(): Promise<void> {
    this.#life.isOver = true
    await this.store.close()
  }

  /** Counts what is not committed yet, and asks the law of order within each claim. */
  #watched(store: Store): Store {
    const before = (rank: number, id: number): ReadyRow[] => [
      ...this.#connection.run(
        rows<ReadyRow>(
          `select id, rank from task
           where state = 'ready' and (rank < ?1 or (rank = ?1 and id < ?2))`,
          rank,
          id,
        ),
      ),
    ]
    const claim: Store['claim'] = (candidates, choose, limit, now) =>
      store.claim(
        candidates,
        (task, eligible) => {
          const agent = choose(task, eligible)
          const goFirst = agent === null ? [] : before(task.rank, Number(task.id.slice(1)))
          if (agent !== null) this.laws.chosen(task, agent, goFirst, (id) => store.task(id))
          return agent
        },
        limit,
        now,
      )
    const counted = counting({ ...store, claim }, (by) => (this.#pending += by))
    if (this.#agentWriteMs === 0) return counted
    const updateAgent: Store['updateAgent'] = async (...change) => {
      const record = await counted.updateAgent(...change)
      await new Promise<void>((resolve) => this.clock.after(this.#agentWriteMs, resolve))
      return record
    }
    return { ...counted, updateAgent }
  }

  #supervisor(): Supervisor {
    const life = this.#life
    const { clock } = this
    const settings = () => this.config
    return new Supervisor(settings, {
      clock: {
        now: () => clock.now(),
        after: (ms, then) => clock.after(ms, () => life.isOver || then()),
      },
      random: this.#random,
      store: mortal(this.store, life),
      hosts: this.#mortalHosts(life),
      worktrees,
      watch: { watch: () => () => {} },
      outputs: { async *read() {} },
      courier: { deliver: async () => ({ ok: true }) },
      notifications: () => [],
      sampler: { sample: async (roots) => new Map([...roots.keys()].map((id) => [id, busy])) },
      host: { facts: () => this.machine },
      checkProgram: () => {},
      place: (agentId) => `/worktrees/${agentId}`,
      brake: () => ({
        intensity: this.config.restartIntensity,
        periodMs: this.config.restartPeriodMs,
      }),
      endLimitMs: () => this.config.stopGraceMs + 10_000,
      tmuxSocket,
      setup: setupOf,
      meter: silentMeter,
      startWidth: 4,
      onError: (error) => this.laws.breach(`nobody handles ${String(error)}`),
      onHostLine: () => {},
      about: { version: '0.0.0', pid: 1, home: '/home' },
    })
  }

  #mortalHosts(life: Life): AgentHosts {
    return {
      clear: (setup) => this.hosts.clear(setup, () => life.isOver),
      fork: (setup, events) =>
        life.isOver
          ? nobody
          : this.hosts.fork(setup, {
              message: (message) => life.isOver || events.message(message),
              exit: (reason, kind) => life.isOver || events.exit(reason, kind),
            }),
    }
  }
}

const nobody = { pid: 0, send() {}, detach() {}, kill() {} }

const busy = { cpuPercent: 40, memoryBytes: 2 ** 28, memoryShare: 0.01, processes: 3 }

const worktrees = {
  check: async () => {},
  ensure: async ({ branch }: { branch: string }, path: string) => ({
    ...{ path, branch, ownsBranch: true },
  }),
  remove: async () => null,
  release: async () => ({ commit: null }),
  diff: async () => new Uint8Array(),
}

const tmuxSocket = (key: string) => `/agents/${key}.sock`

function setupOf(record: AgentRecord, current: HostSetup['current']): HostSetup {
  const dir = `/agents/${record.key}`
  return {
    ...{ spec: record.spec, runPrefix: `sim/${record.key}`, dir, outbox: `${dir}/outbox` },
    ...{ logs: '/logs', socket: tmuxSocket(record.key), worktree: record.worktree, env: {} },
    conversation: null,
    ...{ outputLimitBytes: 65_536, outputTailBytes: 1024, stopGraceMs: 10_000, current },
  }
}

/** The same store; `by` is told of each write that begins or ends. */
function counting(store: Store, by: (change: number) => void): Store {
  return mapMethods(store, (method) => (...args) => {
    const answer = method(...args)
    if (answer instanceof Promise) {
      by(1)
      const done = () => by(-1)
      answer.then(done, done)
    }
    return answer
  })
}

/** The same store, until the life is over: then nothing is written any more, nor answered. */
function mortal(store: Store, life: Life): Store {
  return mapMethods(store, (method, name) => (...args) => {
    if (life.isOver && writes.has(name)) return new Promise(() => {})
    return method(...args)
  })
}

const writes: ReadonlySet<string> = new Set<keyof Store>([
  ...(['enqueue', 'claim', 'record', 'promote', 'cancel', 'askStop', 'release', 'retry'] as const),
  ...(['note', 'addAgent', 'updateAgent', 'removeAgent', 'append', 'trimEvents'] as const),
  ...(['takeNotices', 'settleNotice', 'giveUpNotices'] as const),
])

type Method = (...args: unknown[]) => unknown

function mapMethods(store: Store, change: (method: Method, name: string) => Method): Store {
  const entries = Object.entries(store).map(([name, value]) => [
    name,
    typeof value === 'function' ? change(value as Method, name) : value,
  ])
  return Object.fromEntries(entries) as Store
}

/** A refusal that a caller has to expect. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof SquadError &&
  ['SQUADD_CONFLICT', 'SQUADD_NOT_FOUND', 'SQUADD_INVALID', 'SQUADD_QUEUE_FULL'].includes(
    error.code,
  ) &&
  (!error.message.includes('it cannot') || error.message.includes('is failed'))
