import type { AgentRecord, AgentView } from './domain/agent.ts'
import type { NewEvent } from './domain/event.ts'
import type { HostLine, HostSetup, Verdict } from './domain/message.ts'
import type { OutboxWatch, WorktreeState, Worktrees } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import type { LinkPorts } from './host-link.ts'

/** What an agent needs of the world. */
export type AgentPorts = LinkPorts & {
  worktrees: Worktrees
  watch: OutboxWatch
  /** The socket of an agent's tmux, by its key. */
  tmuxSocket(key: string): string
  /** What a host is told: it costs, and is made for those who need it. */
  setup(record: AgentRecord, current: HostSetup['current']): HostSetup
}

/** What an agent tells its owner. */
export type AgentOwner<Agent> = {
  /** An attempt ended: to be recorded, then answered with `answer`. */
  verdict(agent: Agent, verdict: Verdict): void
  /** It has no task: it may take one, or do what its goal asks. */
  free(agent: Agent): void
  /** What it had was recorded before and keeps no place any more. */
  vacated(): void
  /** Its worktree came to be or changed. */
  placed(agent: Agent, worktree: WorktreeState): Promise<void>
  /** It cannot be brought back by itself; `task` is what it had and never reported. */
  gaveUp(agent: Agent, reason: string, task: Task | null): void
  /** Nothing will ever be heard of this attempt again. */
  lost(agent: Agent, task: Task, reason: string): void
  /** Its program has begun a conversation, which goes by this id; null: it has lost it. */
  named(agent: Agent, conversation: string | null): void
  /** Its program asks a person. */
  asks(agent: Agent, question: string): void
  /** Its host has a line for the log. */
  said(agent: Agent, line: HostLine): void
  happened(event: NewEvent): void
  /** Whether tasks are kept away from it. */
  breaker(agent: Agent): AgentView['circuitState']
}
