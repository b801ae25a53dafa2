export { parseConfig, defaults } from './supervisor/domain/config.ts'
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
export { CircuitBreaker } from './supervisor/policy/breaker.ts'
export { Instance } from './supervisor/library/instance.ts'
export type { InstanceOptions } from './supervisor/library/instance.ts'
export { ManagedAgent } from './supervisor/library/managed-agent.ts'
export { AgentOrchestrator } from './supervisor/library/orchestrator.ts'
export type { OrchestratorOptions, TaskHandle } from './supervisor/library/orchestrator.ts'
