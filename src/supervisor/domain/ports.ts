import type { AgentGoal, AgentRecord, AgentSpec, RestartReason } from './agent.ts'
import type { EventType, NewEvent, SquadEvent } from './event.ts'
import type { FromHost, HostSetup, Recorded, ToHost, Verdict } from './message.ts'
import type { Delivery, NotificationRule } from './notification.ts'
import type { Priority, StopReason, Task, TaskId, TaskSpec, TaskState } from './task.ts'
import type { TotalName } from './totals.ts'

/** An agent that may take a task now. */
export type Candidate = { id: string; labels: readonly string[] }

/** What decides between the agents that may take `task`; null leaves the task in the queue. */
export type Choose = (task: Task, eligible: readonly Candidate[]) => string | null

/** What becomes of a task after an attempt. */
export type Settlement =
  | { signal: 'succeed' }
  | { signal: 'fail'; reason: string }
  | { signal: 'cancel'; reason: string }
  | { signal: 'hold'; reason: string; counts?: boolean }
  | { signal: 'backOff'; reason: string; notBeforeAt: number; counts: boolean }
  | { signal: 'giveBack'; reason: string; counts: boolean }

export type TaskFilter = {
  state?: TaskState
  agent?: string
  /** Newest first, at most this many. Default 100. */
  limit?: number
  /** Only tasks older than this one. */
  before?: TaskId
}

/** An event that somebody is to be told of; `tries` that were begun, `problem` of the last. */
export type Notice = {
  id: number
  rule: string
  event: SquadEvent
  tries: number
  problem: string | null
}

/** How a try to tell somebody ended. */
export type NoticeEnd =
  | { kind: 'delivered' }
  | { kind: 'failed'; problem: string; retryAt: number }
  | { kind: 'given up'; problem: string }

/**
 * The truth about tasks, agents and events. Every write is one transaction, durable when its
 * promise resolves; the writes of one turn of the event loop share one commit. The store decides
 * nothing about time or chance: both are handed in.
 */
export interface Store {
  /** Made once with the store file, tells this squad from every other. */
  readonly instanceId: string

  /**
   * Stores all tasks or none. A known `key` answers with its first task again.
   * Throws SQUADD_QUEUE_FULL, SQUADD_INVALID (unknown or failed dependency, cycle, repeated ref).
   */
  enqueue(specs: readonly TaskSpec[], now: number): Promise<Task[]>
  /** Gives ready tasks in rank order to the agents that `choose` picks, at most `limit`. */
  claim(
    candidates: readonly Candidate[],
    choose: Choose,
    limit: number,
    now: number,
  ): Promise<Task[]>
  /**
   * Records how an attempt ended, once: `decide` says what becomes of the task. The same fence again
   * is `already`; an older one is `late`, kept as an event, and changes nothing.
   */
  record(verdict: Verdict, decide: (task: Task) => Settlement, now: number): Promise<Recorded>
  /** Makes due tasks ready; answers when the next one is due, or null. */
  promote(now: number): Promise<number | null>
  /** Cancels, or asks the holder to stop: then the task is still `running` and wants it. */
  cancel(id: TaskId, reason: string, now: number): Promise<Task>
  /** Asks the holder of a running task to stop; nothing if it is not running under `fence`. */
  askStop(id: TaskId, fence: number, reason: StopReason): Promise<void>
  /** A held task goes on. Throws SQUADD_CONFLICT. */
  release(id: TaskId, now: number): Promise<Task>
  /** A failed or cancelled task begins again, attempts from 0. Throws SQUADD_CONFLICT. */
  retry(id: TaskId, now: number): Promise<Task>

  /** Deletes tasks that ended before, but none that another one waits for; answers how many. */
  forget(endedBefore: number): Promise<number>

  /** Throws SQUADD_NOT_FOUND. */
  task(id: TaskId): Task
  tasks(filter: TaskFilter): Task[]
  taskCounts(): Record<TaskState, number>
  /** When the oldest of the ready tasks was stored. */
  oldestReadyAt(): number | null
  /** Of ready tasks by priority; counts no further than 1000 in all. */
  readyByPriority(): Record<Priority, number>
  /** The critical task that is to be next, or null. */
  urgent(): Task | null
  /** Ready tasks of its lane that go before it; counts no further than 1000. */
  ahead(id: TaskId): number
  parents(id: TaskId): { id: TaskId; state: TaskState }[]

  /** Keeps a small thing (plain JSON; null takes it away) that is to survive a restart. */
  note(name: string, value: unknown, events: readonly NewEvent[], now: number): Promise<void>
  notes(): ReadonlyMap<string, unknown>

  /** Throws SQUADD_CONFLICT when the name is taken. The answer has its new `key`. */
  addAgent(spec: AgentSpec, place: (key: string) => string, now: number): Promise<AgentRecord>
  updateAgent(
    id: string,
    patch: AgentPatch,
    events: readonly NewEvent[],
    now: number,
  ): Promise<AgentRecord>
  removeAgent(id: string, events: readonly NewEvent[], now: number): Promise<void>
  agents(): AgentRecord[]

  append(events: readonly NewEvent[], now: number): Promise<void>
  /** Events with a higher number, oldest first; less than `limit` when they are large. */
  eventsSince(seq: number, limit: number, types?: readonly EventType[]): SquadEvent[]
  /**
   * From `first` on every event is kept, below it only those of running tasks; `last` is the newest
   * there ever was, 0 before there is one.
   */
  eventRange(): { first: number; last: number }
  /**
   * Deletes all but the newest `keep` events, and those that happened before `before` (default: never),
   * except what belongs to a running task.
   */
  trimEvents(keep: number, before?: number): Promise<void>
  /** Called after each commit with what it recorded, in order. */
  onCommitted(listener: (events: readonly SquadEvent[]) => void): void

  /**
   * Notices of the rule that are due, at most `limit`. A try of each is counted before it is made, and
   * the next set to `retryAt(tries)` in case that nobody tells how this one ended.
   */
  takeNotices(
    rule: string,
    limit: number,
    retryAt: (tries: number) => number,
    now: number,
  ): Promise<Notice[]>
  settleNotice(notice: Notice, end: NoticeEnd, now: number): Promise<void>
  /** Gives up the notices of all rules but these, and those whose last try nobody saw the end of. */
  giveUpNotices(rules: readonly string[], now: number): Promise<void>
  /** By rule: how many notices wait, and when the first of them may be tried; null: not any more. */
  waitingNotices(): { rule: string; count: number; dueAt: number | null }[]

  /** Totals since the store was made: name, label, value. */
  counters(): { name: TotalName; label: string; value: number }[]
  /** Commits what waits, then closes. */
  close(): Promise<void>
}

export type AgentPatch = Partial<{
  goal: AgentGoal
  failure: string | null
  worktree: string
  ownsBranch: boolean
  conversation: string | null
}>

/** The forked host of one agent, as the supervisor sees it. It may die at any time. */
export interface AgentHost {
  readonly pid: number
  send(message: ToHost): void
  /** Lets it go: it exits by itself within 2 s and leaves tmux and the program alone. */
  detach(): void
  /** SIGKILL. */
  kill(): void
}

/** A host's own end, as the system tells it. */
export type HostEnd = Extract<RestartReason, 'exit' | 'signal' | 'fork'>

export type HostEvents = {
  message(message: FromHost): void
  /** It is gone, or never came up. Called exactly once. */
  exit(reason: string, kind: HostEnd): void
}

export interface AgentHosts {
  /** Forks a host; a failure to fork is reported by `events.exit`, never thrown. */
  fork(setup: HostSetup, events: HostEvents): AgentHost
  /** Removes what is left of an agent that has no host: tmux server, processes, folder. */
  clear(setup: Pick<HostSetup, 'dir' | 'socket' | 'runPrefix'>): Promise<void>
}

export type WorktreeState = { path: string; branch: string; ownsBranch: boolean }

/** git worktrees, one metadata operation at a time per repository. */
export interface Worktrees {
  /** Checks repository, branch and base before anything is made. Throws SQUADD_INVALID. */
  check(spec: AgentSpec): Promise<void>
  /** Makes the worktree, or finds the one that is there. Throws SQUADD_GIT. */
  ensure(spec: AgentSpec, path: string, ownsBranch: boolean): Promise<WorktreeState>
  /**
   * Removes the worktree; the branch too unless it is kept or not ours. Unsaved work and commits
   * that nothing else reaches are kept under refs/squadd/rescue first: the answer names that ref.
   */
  remove(
    spec: AgentSpec,
    state: WorktreeState,
    options: { keepBranch: boolean },
  ): Promise<string | null>
  /** Commits work in progress on the branch (hooks off), then removes the worktree. */
  release(spec: AgentSpec, state: WorktreeState): Promise<{ commit: string | null }>
  /** A unified diff from `base` to the working tree, untracked files named; as bytes of text. */
  diff(path: string, base: string): Promise<Uint8Array>
}

/** Tells which facts came into which agent's outbox. */
export interface OutboxWatch {
  /** `onFacts(null)`: something may have been missed, look at the whole folder. */
  watch(dir: string, onFacts: (names: string[] | null) => void): () => void
}

/** What the processes of one program use now. `cpuPercent`: of one core, since the last sample. */
export type LoadSample = {
  cpuPercent: number
  memoryBytes: number
  /** Of the machine's memory, 0 to 1. */
  memoryShare: number
  processes: number
}

/** Looks at whole process trees, all in one sweep. */
export interface LoadSampler {
  /** `roots`: a name and the pid its tree begins at; a tree that is gone is left out of the answer. */
  sample(roots: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, LoadSample>>
}

/** How the machine is. */
export type HostFacts = {
  /** Load average of one minute, per core. */
  loadPerCore: number
  totalMemoryBytes: number
  freeMemoryBytes: number
  /** Where the squad keeps its state, or its worktrees: the smaller. */
  freeDiskBytes: number
  /** How many files more can be made there; Infinity where the filesystem does not count. */
  freeFiles: number
}

export interface HostProbe {
  facts(): HostFacts
}

/** Reads the stored output of an attempt, oldest byte first. */
export interface OutputLogs {
  read(key: string): AsyncIterable<Uint8Array>
}

/** Brings one notice to where a rule says. It never throws. */
export interface Courier {
  deliver(
    rule: NotificationRule,
    notice: Notice,
    how: { now: number; signal: AbortSignal },
  ): Promise<Delivery>
}

/** A pool of worker threads in numbers: jobs that ended since its start, workers now. */
export type PoolFacts = {
  completed: number
  /** The job threw, or its worker died. */
  failed: number
  timedOut: number
  aborted: number
  /** Given up by a shutdown. */
  dropped: number
  queued: number
  activeWorkers: number
  /** Workers that are up and have no job. */
  idleWorkers: number
  /** Workers that died or had to be ended; others took their places. */
  lostWorkers: number
  /** From the submission of a job to its end, of half and of all but one in 100. */
  latencyMs: { p50: number; p99: number }
}
