export { configTable, defaults, parseConfig } from './supervisor/domain/config.ts'
export type { Config } from './supervisor/domain/config.ts'
export { errors, SquadError } from './supervisor/domain/error.ts'
export type { ErrorCode } from './supervisor/domain/error.ts'
export { eventTable } from './supervisor/domain/event.ts'
export type { EventType, SquadEvent } from './supervisor/domain/event.ts'
export type { AgentInput, AgentState, AgentView } from './supervisor/domain/agent.ts'
export type {
  Cause,
  Outcome,
  Priority,
  Task,
  TaskInput,
  TaskResult,
  TaskState,
} from './supervisor/domain/task.ts'
export type { TaskFilter } from './supervisor/domain/ports.ts'
export type { BreakerConfig, BreakerState } from './supervisor/policy/breaker.ts'
export { CircuitBreaker } from './supervisor/library/circuit-breaker.ts'
export { createTask } from './supervisor/library/create-task.ts'
export type { CheckedTask } from './supervisor/library/create-task.ts'
export { Instance } from './supervisor/library/instance.ts'
export type { InstanceOptions, PromptOptions } from './supervisor/library/instance.ts'
export { ManagedAgent } from './supervisor/library/managed-agent.ts'
export { AgentOrchestrator } from './supervisor/library/orchestrator.ts'
export type { OrchestratorOptions } from './supervisor/library/orchestrator.ts'
export type { AgentStats } from './supervisor/library/agent-facts.ts'
export type { EventOptions } from './supervisor/library/event-feed.ts'
export type { ShutdownReport } from './supervisor/library/shut-down.ts'
export type { SquadMetrics } from './supervisor/library/squad-metrics.ts'
export type { TaskHandle } from './supervisor/library/task-handle.ts'
export { collectResults } from './workers/pool/job-results.ts'
export type { Collected } from './workers/pool/job-results.ts'
export type { Job, JobOutcome, JobResult } from './workers/pool/job.ts'
export type { PoolMetrics } from './workers/pool/pool-metrics.ts'
export type { WorkerPoolOptions } from './workers/pool/pool-options.ts'
export { WorkerPool } from './workers/pool/worker-pool.ts'
export type { WorkerView } from './workers/pool/worker-pool.ts'
