import type { AgentState, AgentView } from '../domain/agent.ts'
import type { SupervisedAgent } from '../supervised-agent.ts'

/** How one agent is doing. Instants are ms since 1970. */
export type AgentStats = {
  id: string
  state: AgentState
  tasksCompleted: number
  tasksFailed: number
  /** Of all attempts that ended, well or not; 0 when there was none. */
  avgResponseTimeMs: number
  totalExecTimeMs: number
  /** 0 (free) to 1 (taken or unfit). */
  loadScore: number
  /** What `isHealthy()` says. */
  healthOk: boolean
  circuitState: AgentView['circuitState']
  /** null: not checked yet. */
  lastHealthCheckAt: number | null
  createdAt: number
  updatedAt: number
}

export function statsOf(agent: SupervisedAgent): AgentStats {
  const { id, state, loadScore, circuitState } = agent
  const { tasksCompleted, tasksFailed, totalExecTimeMs, createdAt, updatedAt } = agent.record
  const ended = tasksCompleted + tasksFailed
  return {
    id,
    state,
    tasksCompleted,
    tasksFailed,
    avgResponseTimeMs: ended === 0 ? 0 : totalExecTimeMs / ended,
    totalExecTimeMs,
    loadScore,
    healthOk: isWell(agent),
    circuitState,
    lastHealthCheckAt: agent.health.lastCheckAt,
    createdAt,
    updatedAt,
  }
}

/** It works or could: not failed or stopped, breaker not open, nothing wrong at the last check. */
export function isWell(agent: SupervisedAgent): boolean {
  const { state, health } = agent
  if (state === 'failed' || state === 'stopped' || health.problem !== null) return false
  return agent.circuitState !== 'open'
}
