import type { LogLevel } from './domain/config.ts'
import type { EventType, SquadEvent } from './domain/event.ts'

/** What is worth more, or less, than `info`. */
const levels: Partial<Record<EventType, LogLevel>> = {
  SystemMetrics: 'debug',
  AgentRestarted: 'warn',
  AgentWaiting: 'warn',
  AgentFailed: 'error',
  HealthCheckFailed: 'warn',
  TaskFailed: 'warn',
  TaskHeld: 'warn',
  TaskStalled: 'warn',
  TaskLateResult: 'warn',
  BreakerOpened: 'warn',
  AdmissionPaused: 'warn',
  MassChange: 'error',
  NotificationFailed: 'warn',
}

/** An event as a line of the log: its level, its fields and its words. */
export function logLine({ type, seq, agentId, taskId, data }: SquadEvent) {
  const { attempt, ...rest } = data
  return {
    level: levels[type] ?? 'info',
    fields: {
      component: 'squad',
      ...(agentId === undefined ? {} : { agent: agentId }),
      ...(taskId === undefined ? {} : { task: taskId }),
      ...(attempt === undefined ? {} : { attempt }),
      event: seq,
      data: rest,
    },
    msg: type,
  }
}
