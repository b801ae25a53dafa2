import type { AgentSpec } from './agent.ts'
import type { Outcome, Cause, StopReason, TaskId, TaskResult } from './task.ts'

/** One attempt: names its window, its files in the outbox and its run id. `t12-3`. */
export type AttemptKey = string

export const attemptKey = (taskId: TaskId, fence: number): AttemptKey => `${taskId}-${fence}`

/** The task and fence of a key, or undefined when the text is none. */
export function parseAttemptKey(key: string): { taskId: TaskId; fence: number } | undefined {
  const match = /^(t[1-9][0-9]{0,14})-([1-9][0-9]{0,14})$/.exec(key)
  return match ? { taskId: match[1]!, fence: Number(match[2]) } : undefined
}

/** What a program may use; 0 is no limit. */
export type ResourceLimits = { memoryBytes: number; processes: number; fileBytes: number }

/** What an agent host has to know of its agent; sent once, after the fork. */
export type HostSetup = {
  spec: AgentSpec
  /** Prefix of every run id: `<instance>/<agent key>`. Tells our processes from any others. */
  runPrefix: string
  /** The agent's own 0700 folder: outbox, launchers, tmux conf. tmux runs in it. */
  dir: string
  /** Facts arrive here. */
  outbox: string
  /** Output of attempts: `<key>.log.<n>`. */
  logs: string
  socket: string
  worktree: string
  /** What the program knows its conversation by, once it has begun. */
  conversation: string | null
  /** The whole environment of tmux and the program. */
  env: Record<string, string>
  outputLimitBytes: number
  outputTailBytes: number
  stopGraceMs: number
  /** Nobody will adopt the agent: when its supervisor is gone, the host ends it. Default false. */
  endsWithSupervisor?: boolean
  /** Where its programs reach the API, and what seals their tokens. Default: they do not. */
  access?: { socket: string; secret: string }
  /** For each process of a program. Default: none. */
  limits?: ResourceLimits
  /** The attempt that the store calls running, to be adopted. */
  current: { order: AttemptOrder; stop: StopReason | null } | null
}

export type AttemptOrder = {
  key: AttemptKey
  prompt: string
  verify: string[] | null
}

/** How an attempt ended, as the host found it. */
export type Verdict = {
  key: AttemptKey
  outcome: Outcome
  cause: Cause | null
  /** One line for people. */
  reason: string
  startedAt: number | null
  endedAt: number
  /** When it may go again, if the failure says so (a quota that resets), ms since 1970. */
  retryAt?: number | null
  /** Its agent was gone for good: nobody was left to tell how it ended. */
  leaseExpired?: true
  result: TaskResult
}

/** The store's answer to a verdict. Only after one of these may the facts be deleted. */
export type Recorded = 'recorded' | 'already' | 'late'

export type ToHost =
  | { kind: 'init'; setup: HostSetup }
  | { kind: 'run'; order: AttemptOrder }
  /** End the attempt: interrupt, TERM, KILL. The verdict follows. */
  | { kind: 'stop-attempt'; key: AttemptKey; reason: StopReason }
  /** Facts that came into the outbox. */
  | { kind: 'facts'; names: string[] }
  /** Something may have been missed: look at the whole outbox. */
  | { kind: 'scan' }
  | { kind: 'recorded'; key: AttemptKey; answer: Recorded }
  | { kind: 'probe'; id: number }
  | { kind: 'screen'; id: number }
  /** Answers what the program asks a person. */
  | { kind: 'answer'; id: number; choice: string }
  /** Types into the program, as a person would. */
  | { kind: 'type'; id: number; text: string }
  /** End the agent: its attempt, its tmux server, then the host. */
  | { kind: 'end' }

/** A line for the log, which nobody acts on. */
export type HostLine = { level: 'info' | 'warn' | 'error'; message: string }

export type FromHost =
  /** Attached to tmux, outbox read; `adopted` is an attempt that goes on. */
  | { kind: 'ready'; tmuxPid: number; adopted: AttemptKey | null; programPid: number | null }
  | { kind: 'started'; key: AttemptKey; programPid: number; at: number }
  /** The program of an attempt asks a person; null: it goes on. */
  | { kind: 'asks'; key: AttemptKey; question: string | null }
  /** The conversation has begun: the next start goes on with it; null: it is gone. */
  | { kind: 'conversation'; id: string | null }
  | { kind: 'verdict'; verdict: Verdict }
  /** Processes that an attempt had left running are ended. */
  | { kind: 'orphans'; key: AttemptKey; count: number }
  /** The attempt's facts are deleted and its window is closed: the agent may take the next. */
  | { kind: 'cleaned'; key: AttemptKey }
  | { kind: 'alive'; id: number; tmux: boolean; programPid: number | null; outputAt: number | null }
  | { kind: 'screen'; id: number; text: string }
  /** Done, or why it cannot be: with the way out. */
  | { kind: 'typed'; id: number; problem: { message: string; hint: string } | null }
  /** The agent has ended; `leftovers` are processes that would not go. */
  | { kind: 'ended'; leftovers: number[] }
  /** It cannot work: the host exits after this. */
  | { kind: 'broken'; message: string; hint: string }
  | ({ kind: 'log' } & HostLine)
