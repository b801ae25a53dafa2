import type { AgentView, ProgramName } from '../supervisor/domain/agent.ts'
import type { AgentReading } from '../supervisor/domain/meter.ts'
import type { HostFacts, PoolFacts } from '../supervisor/domain/ports.ts'
import type { TaskState } from '../supervisor/domain/task.ts'
import type { TotalName } from '../supervisor/domain/totals.ts'

/** What the metrics are read from, at each scrape. `now` and instants are ms since 1970. */
export type MetricSources = {
  version: string
  /** The kind of store, such as `sqlite`. */
  store: string
  startedAt: number
  /** The endpoints of the API, where there is one. */
  routes: readonly { method: string; path: string }[]
  now(): number
  taskCounts(): Record<TaskState, number>
  agents(): readonly AgentReading[]
  programBreaker: (program: ProgramName) => AgentView['circuitState']
  /** When the oldest ready task was submitted; null when none is ready. */
  oldestReadyAt(): number | null
  /** Totals since the store was made. */
  counters(): readonly { name: TotalName; label: string; value: number }[]
  limits(): { taskQueueSize: number; maxConcurrentTasks: number }
  isAdmissionPaused(): boolean
  pool(): PoolFacts
  host(): Pick<HostFacts, 'loadPerCore' | 'totalMemoryBytes' | 'freeMemoryBytes'>
  /** Free bytes where the state and where the worktrees are. */
  freeDisk(): Promise<{ state: number; worktrees: number }>
  storeSize(): Promise<{ main: number; wal: number }>
  lastBackupAt(): number | null
}

/** The squad at one instant, each source asked once. */
export async function gather(sources: MetricSources) {
  const [disk, size] = await Promise.all([sources.freeDisk(), sources.storeSize()])
  const { user, system } = process.cpuUsage()
  const agents = sources.agents()
  return {
    now: sources.now(),
    startedAt: sources.startedAt,
    tasks: sources.taskCounts(),
    agents,
    agentStates: countBy(agents, ({ state }) => state),
    agentBreakers: countBy(agents, ({ breaker }) => breaker),
    programBreaker: sources.programBreaker,
    oldestReadyAt: sources.oldestReadyAt(),
    totals: new Map(
      sources.counters().map(({ name, label, value }) => [totalKey(name, label), value]),
    ),
    limits: sources.limits(),
    isAdmissionPaused: sources.isAdmissionPaused(),
    pool: sources.pool(),
    host: sources.host(),
    lastBackupAt: sources.lastBackupAt(),
    disk,
    size,
    cpuSeconds: (user + system) / 1e6,
    memory: process.memoryUsage(),
  }
}

/** With it what the metrics themselves have looked at. */
export type Facts = Awaited<ReturnType<typeof gather>> & {
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
