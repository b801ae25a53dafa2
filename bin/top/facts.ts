import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { SquadStatus } from '../../src/supervisor/domain/squad.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'
import type { Style } from './text.ts'

/** What there is to be seen. `tasks`: those that run, as far as they are known. */
export type TopFacts = {
  now: number
  status: SquadStatus
  agents: readonly AgentView[]
  tasks: ReadonlyMap<string, Pick<Task, 'prompt' | 'priority'>>
  /** The agent that keys are about. */
  selected: string | null
  /** A question or what has gone wrong, in place of the keys. */
  message: string | null
}

export const stateStyles: Partial<Record<string, Style>> = {
  running: 'green',
  waiting: 'yellow',
  held: 'yellow',
  failed: 'red',
  critical: 'red',
  starting: 'cyan',
  paused: 'dim',
  stopped: 'dim',
}
