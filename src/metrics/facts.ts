import type { AgentView, ProgramName } from '../supervisor/domain/agent.ts'
import type { AgentReading } from '../supervisor/domain/meter.ts'
import type { HostFacts, PoolFacts } from '../supervisor/domain/ports.ts'
import type { TaskState } from '../supervisor/domain/task.ts'
import type { TotalName } from '../supervisor/domain/totals.ts'

/**
 * What the metrics are read from. `now` and instants are ms since 1970. What is not said to be the
 * store's or the disk's is in memory, and asked at each scrape.
 */
export type MetricSources = {
  version: string
  /** The kind of store, such as `sqlite`. */
  store: string
  startedAt: number
  /** The endpoints of the API, where there is one. */
  routes: readonly { method: string; path: string }[]
  now(): number
  /** Calls `then` once after `ms`; the answer cancels it. */
  after(ms: number, then: () => void): () => void
  agents(): readonly AgentReading[]
  programBreaker: (program: ProgramName) => AgentView['circuitState']
  limits(): { taskQueueSize: number; maxConcurrentTasks: number }
  isAdmissionPaused(): boolean
  pool(): PoolFacts
  host(): Pick<HostFacts, 'loadPerCore' | 'totalMemoryBytes' | 'freeMemoryBytes'>

  /** The store's: tasks in each state. */
  taskCounts(): Record<TaskState, number>
  /** The store's: when the oldest ready task was submitted; null when none is ready. */
  oldestReadyAt(): number | null
  /** The store's: totals since it was made. */
  counters(): readonly { name: TotalName; label: string; value: number }[]
  /** The store's: from then on `agents` tells what it has counted for them. */
  refreshAgents(): void

  /** The disk's: free bytes where the state and where the worktrees are. */
  freeDisk(): Promise<{ state: number; worktrees: number }>
  /** The disk's. */
  storeSize(): Promise<{ main: number; wal: number }>
  /** The disk's. */
  lastBackupAt(): number | null
}

/** What the store says of the squad. */
export function storedFacts(sources: MetricSources) {
  sources.refreshAgents()
  return {
    tasks: sources.taskCounts(),
    oldestReadyAt: sources.oldestReadyAt(),
    totals: new Map(
      sources.counters().map(({ name, label, value }) => [totalKey(name, label), value]),
    ),
  }
}
export type StoredFacts = ReturnType<typeof storedFacts>

/** What the disks say. */
export async function diskFacts(sources: MetricSources) {
  const [disk, size] = await Promise.all([sources.freeDisk(), sources.storeSize()])
  return { disk, size, lastBackupAt: sources.lastBackupAt() }
}
export type DiskFacts = Awaited<ReturnType<typeof diskFacts>>

/** The squad as memory has it, each source asked once. */
export function gather(sources: MetricSources) {
  const { user, system } = process.cpuUsage()
  const agents = sources.agents()
  return {
    now: sources.now(),
    startedAt: sources.startedAt,
    agents,
    agentStates: countBy(agents, ({ state }) => state),
    agentBreakers: countBy(agents, ({ breaker }) => breaker),
    programBreaker: sources.programBreaker,
    limits: sources.limits(),
    isAdmissionPaused: sources.isAdmissionPaused(),
    pool: sources.pool(),
    host: sources.host(),
    cpuSeconds: (user + system) / 1e6,
    memory: process.memoryUsage(),
  }
}

/** The squad at one instant, and what the metrics themselves have looked at. */
export type Facts = ReturnType<typeof gather> &
  StoredFacts &
  DiskFacts & {
    /** How long the event loop took to come to the scrape. */
    turnSeconds: number
    lag: { p50: number; p99: number; max: number }
    jumps: { forward: number; backward: number }
  }

export const totalKey = (name: TotalName, ...labels: string[]): string =>
  `${name} ${labels.join(' ')}`

function countBy<T>(all: readonly T[], what: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of all) counts.set(what(one), (counts.get(what(one)) ?? 0) + 1)
  return counts
}
