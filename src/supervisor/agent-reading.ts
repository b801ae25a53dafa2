import type { AgentReading } from './domain/meter.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** What the metrics tell of an agent: unlike its view, made for many agents at once. */
export const readingOf = (agent: SupervisedAgent): AgentReading => ({
  id: agent.id,
  program: agent.record.spec.program,
  state: agent.state,
  breaker: agent.circuitState,
  loadScore: agent.loadScore,
  load: agent.load,
  waitingSince: agent.state === 'waiting' ? agent.waitingSince : null,
  tasksCompleted: agent.record.tasksCompleted,
  tasksFailed: agent.record.tasksFailed,
  totalExecTimeMs: agent.record.totalExecTimeMs,
})
