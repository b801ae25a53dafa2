import type { AgentView } from './domain/agent.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** An agent as it is shown. */
export function viewOf(agent: SupervisedAgent): AgentView {
  const { record } = agent
  const { spec } = record
  return {
    id: agent.id,
    state: agent.state,
    reason: agent.reason,
    program: spec.program,
    mode: spec.mode,
    labels: spec.labels,
    repo: spec.repo,
    worktree: record.worktree,
    branch: spec.branch,
    loadScore: agent.loadScore,
    cpuPercent: agent.load?.cpuPercent ?? 0,
    memoryBytes: agent.load?.memoryBytes ?? 0,
    currentTask: agent.currentTask?.id ?? null,
    tasksCompleted: record.tasksCompleted,
    tasksFailed: record.tasksFailed,
    costUsd: record.spentUsd,
    circuitState: agent.circuitState,
    hostPid: agent.hostPid,
    programPid: agent.programPid,
    tmuxSocket: agent.tmuxSocket,
    evidence: agent.evidence,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  }
}
