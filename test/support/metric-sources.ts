import type { MetricSources } from '../../src/metrics/facts.ts'
import { systemClock } from '../../src/supervisor/domain/time.ts'
import type { AgentReading } from '../../src/supervisor/domain/meter.ts'

/** A squad as metrics see it, all of it made up; tests change what they are about. */
export function metricSources(changes: Partial<MetricSources> = {}): MetricSources {
  return {
    version: '1.2.3',
    store: 'sqlite',
    startedAt: 1_000_000,
    routes: [
      { method: 'GET', path: '/v1/tasks/:id' },
      { method: 'POST', path: '/v1/tasks' },
    ],
    now: () => 1_060_000,
    after: (...timer) => systemClock.after(...timer),
    taskCounts: () => ({
      ...{ blocked: 1, delayed: 2, ready: 3, running: 4 },
      ...{ held: 5, completed: 6, failed: 7, cancelled: 8 },
    }),
    agents: () => [],
    programBreaker: () => 'closed',
    oldestReadyAt: () => null,
    counters: () => [],
    refreshAgents: () => {},
    limits: () => ({ taskQueueSize: 100_000, maxConcurrentTasks: 10 }),
    isAdmissionPaused: () => false,
    pool: () => ({
      ...{ completed: 7, failed: 2, timedOut: 1, aborted: 3, dropped: 4 },
      ...{ queued: 5, activeWorkers: 2, idleWorkers: 1, lostWorkers: 6 },
      latencyMs: { p50: 20, p99: 1500 },
    }),
    host: () => ({ loadPerCore: 0.5, totalMemoryBytes: 1000, freeMemoryBytes: 300 }),
    freeDisk: async () => ({ state: 111, worktrees: 222 }),
    storeSize: async () => ({ main: 333, wal: 444 }),
    lastBackupAt: () => null,
    ...changes,
  }
}

/** An agent at work. */
export const agentReading = (id: string, changes: Partial<AgentReading> = {}): AgentReading => ({
  id,
  program: 'claude',
  state: 'running',
  breaker: 'closed',
  loadScore: 0.625,
  load: { cpuPercent: 150, memoryBytes: 4096, memoryShare: 0.1, processes: 3 },
  waitingSince: null,
  tasksCompleted: 12,
  tasksFailed: 3,
  totalExecTimeMs: 90_500,
  ...changes,
})
