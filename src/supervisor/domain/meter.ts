import type { AgentState, AgentView, ProgramName } from './agent.ts'
import type { LoadSample } from './ports.ts'

/** Where the time goes between a ready task and its running program, and when an agent comes up. */
export const dispatchSteps = ['claim', 'start', 'worktree', 'host'] as const
export type DispatchStep = (typeof dispatchSteps)[number]

export const storeOperations = [
  'enqueue',
  'claim',
  'record',
  'promote',
  'control',
  'agent',
  'event',
  'note',
  'notice',
  'trim',
  'read',
] as const
export type StoreOperation = (typeof storeOperations)[number]

export const storeErrors = ['busy', 'full', 'io', 'read_only', 'corrupt', 'other'] as const
export type StoreErrorKind = (typeof storeErrors)[number]

export const gitOperations = ['add', 'remove', 'release'] as const
export type GitOperation = (typeof gitOperations)[number]

export const subscriberDrops = ['stalled', 'refused'] as const
export type SubscriberDrop = (typeof subscriberDrops)[number]

/** One answered request. `route` is the path's template; null when no route was found. */
export type Answered = {
  route: { method: string; path: string } | null
  status: number
  ms: number
  /** It may take as long as its caller likes: that says nothing about us. */
  isOpenEnded: boolean
}

/**
 * What the parts of a squad measure as they go. It lives as long as the process; totals that have to
 * be true after a crash are the store's (`totalsOf`).
 */
export interface Meter {
  dispatched(step: DispatchStep, ms: number): void
  stored(operation: StoreOperation, ms: number): void
  storeFailed(kind: StoreErrorKind): void
  gitLockRetried(operation: GitOperation): void
  answered(request: Answered): void
  /** An event stream began; the answer ends it. */
  subscribed(): () => void
  subscriberDropped(reason: SubscriberDrop): void
  /** Events that a reader has missed because they are no longer kept. */
  eventsMissed(count: number): void
}

/** One agent as the metrics see it. */
export type AgentReading = {
  id: string
  program: ProgramName
  state: AgentState
  breaker: AgentView['circuitState']
  /** 0 (free) to 1. */
  loadScore: number
  /** What its program uses; null when nobody looks. */
  load: LoadSample | null
  /** When its program asked what it asks; null when it asks nothing. */
  waitingSince: number | null
  tasksCompleted: number
  tasksFailed: number
  totalExecTimeMs: number
}
