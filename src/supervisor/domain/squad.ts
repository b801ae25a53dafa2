import type { TokenSubject } from './agent-token.ts'
import type { AgentInput, AgentView } from './agent.ts'
import type { SquadEvent } from './event.ts'
import type { Explanation } from './explanation.ts'
import type { TaskFilter } from './ports.ts'
import type { Priority, Task, TaskId, TaskInput, TaskState } from './task.ts'

export type SquadStatus = {
  version: string
  pid: number
  home: string
  uptimeMs: number
  agents: { total: number } & Partial<Record<AgentView['state'], number>>
  tasks: Record<TaskState, number>
  /** The ready tasks that are next, by priority: all of them, or so many that it is not whole. */
  queue: {
    byPriority: Record<Priority, number>
    isWhole: boolean
    /** When the oldest of all ready tasks was stored. */
    oldestReadyAt: number | null
  }
  /** Number of the newest event: what happens after this is what follows it. */
  lastEvent: number
  /** Time between two samples of CPU and memory while tasks run. */
  sampleIntervalMs: number
}

/** A notification of the configuration; `target` is the webhook's host or `desktop`. */
export type NotificationStatus = { name: string; on: string[]; target: string; waiting: number }

/** How a test of a notification ended; `problem`: why it was not taken. */
export type NotificationReport = {
  name: string
  target: string
  ok: boolean
  problem: string | null
  durationMs: number
}

/** What the program of an agent may do: for its own task and nothing else. */
export type AgentDoor = {
  taskId: TaskId
  /** Tells everyone how far it is. Throws SQUADD_BUSY when it says so too often. */
  report(text: string): void
  /** It asked for something else: that is told too. */
  refused(what: string): void
}

/** What can be asked of a running squad: the API, the command line and the library stand on this. */
export interface Squad {
  status(): SquadStatus

  /** Throws SQUADD_INVALID, SQUADD_CONFLICT, SQUADD_GIT; then nothing of it is left. */
  addAgent(input: AgentInput): Promise<AgentView>
  /** Throws SQUADD_NOT_FOUND, as all that follow. */
  agentView(id: string): AgentView
  agentViews(): AgentView[]
  pauseAgent(id: string, how?: { now?: boolean; release?: boolean }): Promise<AgentView>
  resumeAgent(id: string): Promise<AgentView>
  stopAgent(id: string): Promise<AgentView>
  /** `fresh`: its program begins a new conversation. */
  restartAgent(id: string, how?: { fresh?: boolean }): Promise<AgentView>
  /** The way out of `failed`. */
  resetAgent(id: string): Promise<AgentView>
  removeAgent(id: string, how?: { keepBranch?: boolean }): Promise<{ rescueRef: string | null }>
  agentScreen(id: string): Promise<string>
  agentDiff(id: string): Promise<Uint8Array>
  /** Answers what the agent's program asks: `yes`, `no` or a choice. Throws SQUADD_CONFLICT. */
  answerAgent(id: string, choice: string): Promise<AgentView>
  /** Types a text into the agent's program, as a person would. Throws SQUADD_CONFLICT. */
  sendToAgent(id: string, text: string): Promise<AgentView>

  /** All or none. Durable when it resolves. */
  submit(inputs: readonly TaskInput[]): Promise<Task[]>
  task(id: TaskId): Task
  tasks(filter: TaskFilter): Task[]
  /** Resolves when the task has ended or is held. Throws SQUADD_TIMEOUT. */
  waitTask(id: TaskId, how?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Task>
  cancelTask(id: TaskId): Promise<Task>
  retryTask(id: TaskId): Promise<Task>
  releaseTask(id: TaskId): Promise<Task>
  /** The output kept of its newest attempt. */
  taskOutput(id: TaskId): AsyncIterable<Uint8Array>
  taskDiff(id: TaskId): Promise<Uint8Array>

  /** What a program that was started so may do now; null when its task is over. */
  agentDoor(subject: TokenSubject): AgentDoor | null

  /** Why an agent or a task is as it is, and what would have to change. */
  explain(subject: string): Explanation

  notifications(): NotificationStatus[]
  /** Sends one now, or each. Throws SQUADD_NOT_FOUND. */
  testNotifications(name?: string): Promise<NotificationReport[]>

  /**
   * Events after number `since` (default: from now on), for ever, or with `follow: false` up to the
   * newest there is, as many at a time as there are; a reader may be slow.
   */
  events(how?: {
    since?: number
    signal?: AbortSignal
    follow?: boolean
  }): AsyncIterable<readonly SquadEvent[]>
}
