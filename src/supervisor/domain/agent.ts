import { invalid } from './error.ts'
import type { Evidence } from './task.ts'
import { checkAgentName, checkLabels } from './names.ts'

export const agentStates = [
  'starting',
  'idle',
  'running',
  'waiting',
  'paused',
  'failed',
  'stopped',
] as const
/**
 * starting: its host comes up · idle: may take a task · running: has one · waiting: its program
 * asks a person · paused: takes none · failed: gave up, says why and how out · stopped: no process.
 */
export type AgentState = (typeof agentStates)[number]

/** The life of an agent, whole. A missing cell is an illegal move. */
export const agentTransitions = {
  starting: { ready: 'idle', adopt: 'running', pause: 'paused', fail: 'failed', stop: 'stopped' },
  idle: { assign: 'running', pause: 'paused', lose: 'starting', fail: 'failed', stop: 'stopped' },
  running: {
    finish: 'idle',
    ask: 'waiting',
    pause: 'paused',
    lose: 'starting',
    fail: 'failed',
    stop: 'stopped',
  },
  waiting: {
    answer: 'running',
    finish: 'idle',
    pause: 'paused',
    lose: 'starting',
    fail: 'failed',
    stop: 'stopped',
  },
  paused: {
    resume: 'idle',
    start: 'starting',
    pause: 'paused',
    lose: 'starting',
    fail: 'failed',
    stop: 'stopped',
  },
  failed: { start: 'starting', stop: 'stopped' },
  stopped: { start: 'starting', pause: 'paused', fail: 'failed', stop: 'stopped' },
} as const satisfies Record<AgentState, Record<string, AgentState>>

export type AgentSignal = {
  [S in AgentState]: keyof (typeof agentTransitions)[S]
}[AgentState]

/** The state after `signal`, or undefined where the table does not allow it. */
export function nextAgentState(state: AgentState, signal: AgentSignal): AgentState | undefined {
  return (agentTransitions[state] as Partial<Record<AgentSignal, AgentState>>)[signal]
}

export const restartReasons = ['exit', 'signal', 'hang', 'broken', 'fork'] as const
/**
 * Why a host had to be started again. exit, signal: it died · hang: it gave no sign of life · broken:
 * it said that it cannot work · fork: it could not even be made.
 */
export type RestartReason = (typeof restartReasons)[number]

export const programNames = [
  'claude',
  'codex',
  'gemini',
  'opencode',
  'aider',
  'shell',
  'command',
] as const
export type ProgramName = (typeof programNames)[number]

/** What a user says of a new agent. */
export type AgentInput = {
  /** Its name, unique in this home: `[A-Za-z0-9][A-Za-z0-9_-]{0,47}`. */
  id: string
  /** The git repository, an absolute path. */
  repo: string
  /** Default `shell`: each prompt is a script for `sh`. */
  program?: ProgramName
  /** Default: `headless` for shell and command, else `interactive`. */
  mode?: 'interactive' | 'headless'
  labels?: string[]
  /** Default `squadd/<id>`. */
  branch?: string
  /** The commit that the branch begins at. Default `HEAD`. */
  base?: string
  /** `ask` (default): the program's own questions reach a person; `auto`: it may do as it likes. */
  permission?: 'ask' | 'auto'
  /** Variables for the program. */
  env?: Record<string, string>
  /** What the repository itself configures for the program may run. Default false. */
  trust?: boolean
  /**
   * `command`: the program and its arguments, `{prompt}` stands for the prompt, else it is stdin. The
   * agent programs get these arguments after ours.
   */
  argv?: string[]
}

/** A checked agent, every default filled in. */
export type AgentSpec = Required<AgentInput>

/** What the agent should be doing, as a person last asked. */
export type AgentGoal = 'up' | 'paused' | 'released' | 'stopped'

/** An agent as it is stored. */
export type AgentRecord = {
  spec: AgentSpec
  /** Never used twice, names folders and the tmux socket: `a7`. */
  key: string
  goal: AgentGoal
  /** Set when it gave up: what happened and how out. */
  failure: string | null
  /** Where its worktree is. */
  worktree: string
  /** squadd made the branch, so squadd may remove it. */
  ownsBranch: boolean
  /** What its program knows the conversation by; null before there is one. */
  conversation: string | null
  tasksCompleted: number
  tasksFailed: number
  totalExecTimeMs: number
  spentUsd: number
  createdAt: number
  updatedAt: number
}

/** An agent as it is shown. */
export type AgentView = {
  id: string
  state: AgentState
  reason: string | null
  program: ProgramName
  mode: 'interactive' | 'headless'
  labels: string[]
  repo: string
  worktree: string
  branch: string
  /** 0 (free) to 1 (taken or unfit). */
  loadScore: number
  cpuPercent: number
  memoryBytes: number
  currentTask: string | null
  tasksCompleted: number
  tasksFailed: number
  /** What its attempts have cost, as far as its program tells. */
  costUsd: number
  circuitState: 'closed' | 'open' | 'half-open'
  hostPid: number | null
  programPid: number | null
  tmuxSocket: string
  evidence: Evidence[]
  createdAt: number
  updatedAt: number
}

/** They run one program for each task, and nobody can talk with it. */
const headlessOnly: readonly ProgramName[] = ['shell', 'command', 'aider']

/** Checks an agent and fills in its defaults; the repository itself is checked by git. */
export function createAgent(input: AgentInput): AgentSpec {
  const id = checkAgentName(input.id)
  const program = input.program ?? 'shell'
  if (!programNames.includes(program))
    throw invalid('program', program, 'is unknown', `use ${programNames.join(', ')}`)
  const isHeadless = headlessOnly.includes(program)
  const mode = input.mode ?? (isHeadless ? 'headless' : 'interactive')
  if (isHeadless && mode !== 'headless')
    throw invalid('mode', mode, `does not exist for ${program}`, 'use headless')
  const argv = input.argv ?? []
  if (program === 'command' && (argv.length === 0 || argv[0] === ''))
    throw invalid('argv', argv, 'is empty', 'give the command after --')
  if (program === 'shell' && argv.length > 0)
    throw invalid('argv', argv, 'has no meaning for shell', 'use --program command')
  for (const part of argv)
    if (part.includes('\0')) throw invalid('argv', part, 'holds a NUL byte', 'remove it')
  for (const [name, value] of Object.entries(input.env ?? {}))
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || value.includes('\0'))
      throw invalid('env', name, 'is not a variable', 'write NAME=VALUE')
  return {
    id,
    repo: input.repo,
    program,
    mode,
    labels: checkLabels(input.labels ?? [], 'labels'),
    branch: input.branch ?? `squadd/${id}`,
    base: input.base ?? 'HEAD',
    permission: input.permission ?? 'ask',
    env: input.env ?? {},
    trust: input.trust ?? false,
    argv,
  }
}
