/** Everything that can happen in a squad: one row an event, what it means and what it carries. */
export const eventTable = {
  AgentAdded: 'An agent was added: program, branch.',
  AgentRemoved: 'An agent was removed: rescueRef when unsaved work was kept.',
  AgentStateChanged: 'An agent moved: from, to, reason, stayedMs (in from).',
  AgentPaused: 'An agent takes no more tasks: released when its worktree went too.',
  AgentResumed: 'A paused agent takes tasks again.',
  AgentRestarted: "An agent's host died and is started again: kind, reason, inMs.",
  AgentRecovered: 'An agent that had failed or lost its host is usable again.',
  AgentFailed: 'An agent was given up: reason, with the way out.',
  AgentWaiting:
    "An agent's program asks a person: question; again when nobody answered: waitedMs, policy.",
  AgentRefused: "An agent's program asked the API for what only the operator may: what.",
  HealthCheckFailed: 'A probe of an agent failed: reason.',
  TaskSubmitted: 'A task was stored: priority, lane.',
  TaskStarted: 'An attempt was given to an agent: fence, attempt, priority, waitMs.',
  TaskRetried: 'A task goes back to the queue: outcome, cause, reason, notBeforeAt.',
  TaskHeld: 'A task needs a person: reason.',
  TaskReleased: 'A held or ended task goes on: from.',
  TaskCompleted: 'A task succeeded: durationMs, program, usage.',
  TaskFailed: 'A task failed for good: outcome, cause, reason, program, usage.',
  TaskCancelled: 'A task was cancelled: reason.',
  OrphansKilled: 'Processes that an attempt left running were ended: count.',
  TaskStalled: 'A task has neither output nor CPU for a time: idleMs.',
  TaskProgress: 'The program of a task says how far it is: text.',
  TaskLateResult: 'A result came for an attempt that no longer counts: fence, outcome.',
  BreakerOpened: 'A breaker opened: scope, reason, until.',
  BreakerClosed: 'A breaker closed: scope.',
  AdmissionPaused: 'The machine is too busy for more tasks: reason.',
  AdmissionResumed: 'Tasks are given out again.',
  MassChange:
    'More than half of the agents failed a probe at once: nothing is done about them: agents.',
  SystemMetrics: 'A sample of the squad: agents, tasks, load.',
  OutputsRemoved: 'Output of ended tasks was removed, as configured: attempts, bytes.',
  TasksForgotten: 'Ended tasks were removed from the store, as configured: tasks.',
  BackupMade: 'The store was copied: file, bytes.',
  BackupFailed: 'The store could not be copied: reason.',
  StoreRestored: 'The store is that of a backup: file, madeAt, held.',
  EventsDropped:
    'A reader that was away or slow has missed events: from, to, missed, readFrom (what there still is).',
  NotificationFailed:
    'A notification was given up: notification, event (its number), eventType, tries, reason.',
  DaemonStarted: 'The supervisor is ready: version, pid.',
  DaemonStopped: 'The supervisor stopped: reason, unstopped.',
} as const satisfies Record<string, string>

export type EventType = keyof typeof eventTable

/** A fact that is about to be recorded. */
export type NewEvent = {
  type: EventType
  agentId?: string
  taskId?: string
  data?: Record<string, unknown>
}

/** A recorded fact. `seq` grows by one or more and never repeats; `at` is ms since 1970. */
export type SquadEvent = NewEvent & { seq: number; at: number; data: Record<string, unknown> }

/** Told to a reader in the place of what it has missed; `readFrom`: the number it can read on from. */
export const eventsDropped = (
  from: number,
  to: number,
  readFrom: number,
  at: number,
): SquadEvent => ({
  seq: to,
  at,
  type: 'EventsDropped',
  data: { from, to, missed: to - from + 1, readFrom },
})
