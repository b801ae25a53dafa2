import { z } from 'zod'
import type { AgentInput, AgentView } from '../domain/agent.ts'
import { agentStates, programNames } from '../domain/agent.ts'
import type { Config } from '../domain/config.ts'
import { configTable, nearest } from '../domain/config.ts'
import type { SquadEvent } from '../domain/event.ts'
import { errors } from '../domain/error.ts'
import { eventTable } from '../domain/event.ts'
import type { Explanation } from '../domain/explanation.ts'
import type { SquadStatus } from '../domain/squad.ts'
import type { Evidence, Task, TaskInput, TaskResult } from '../domain/task.ts'
import { causes, outcomes, priorities, stopReasons, taskStates } from '../domain/task.ts'

/** An object without other fields than these; an unknown one is refused with a suggestion. */
export const strict = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined
      const names = Object.keys(shape)
      if (names.length === 0) return 'is not a field; there is none'
      return `is not a field; did you mean ${nearest(String(issue.keys[0]), names)}?`
    },
  })

/** A flag of a query: `true` or `false`, as text or as itself. */
export const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(),
)

/** A whole number of a query, as text or as itself. */
export const count = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )

const ms = z.int().min(0)
const names = z.array(z.string()).max(1000)
const argv = z.array(z.string()).max(1000)

export const taskInput = strict({
  prompt: z.string().describe('What the agent is to do.'),
  priority: z.enum(priorities).exactOptional(),
  affinity: names.exactOptional().describe('Agents that should take it, best first.'),
  affinityMode: z.enum(['preferred', 'required']).exactOptional(),
  require: names.exactOptional().describe('Labels an agent must have.'),
  timeoutMs: ms.exactOptional().describe('Limit of one attempt; 0 = none.'),
  deadlineAt: ms.exactOptional().describe('Wanted start, ms since 1970.'),
  notBeforeAt: ms.exactOptional().describe('Not before this time, ms since 1970.'),
  after: names.exactOptional().describe('Tasks that must complete first; in a batch also a ref.'),
  onParentFailure: z.enum(['cancel', 'hold', 'run']).exactOptional(),
  retries: z.int().min(0).max(100).exactOptional(),
  onUnknown: z.enum(['hold', 'retry']).exactOptional(),
  verify: argv.exactOptional().describe('Command run in the worktree; exit 0 = it succeeded.'),
  preemptible: z.boolean().exactOptional(),
  maxCostUsd: z.number().min(0).exactOptional(),
  maxWallMs: ms.exactOptional(),
  maxAttempts: z.int().min(1).exactOptional(),
  onStall: z.enum(['report', 'stop']).exactOptional(),
  key: z.string().exactOptional().describe('The same key answers with the first task again.'),
  ref: z.string().exactOptional().describe('A name inside one batch, for `after`.'),
  metadata: z
    .record(z.string(), z.unknown())
    .exactOptional()
    .describe('Free data, returned as it was.'),
}) satisfies z.ZodType<TaskInput>

export const taskBatch = strict({ tasks: z.array(taskInput).min(1) })

export const agentInput = strict({
  id: z.string().describe('Its name: [A-Za-z0-9][A-Za-z0-9_-]{0,47}.'),
  repo: z.string().describe('The git repository, an absolute path.'),
  program: z.enum(programNames).exactOptional(),
  mode: z.enum(['interactive', 'headless']).exactOptional(),
  labels: names.exactOptional(),
  branch: z.string().exactOptional(),
  base: z.string().exactOptional(),
  permission: z.enum(['ask', 'auto']).exactOptional(),
  trust: z.boolean().exactOptional(),
  env: z.record(z.string(), z.string()).exactOptional(),
  argv: argv.exactOptional(),
}) satisfies z.ZodType<AgentInput>

const evidence: z.ZodType<Evidence> = z.object({
  source: z.string(),
  at: ms,
  detail: z.string(),
})

const taskResult: z.ZodType<TaskResult> = z.object({
  success: z.boolean(),
  output: z.string(),
  error: z.string().nullable(),
  durationMs: z.number(),
  completedAt: ms,
  evidence: z.array(evidence),
  usage: z
    .object({
      inputTokens: z.number(),
      outputTokens: z.number(),
      costUsd: z.number().nullable(),
    })
    .nullable(),
  git: z
    .object({
      branch: z.string().nullable(),
      commit: z.string().nullable(),
      filesChanged: z.number(),
      insertions: z.number(),
      deletions: z.number(),
      dirty: z.boolean(),
    })
    .nullable(),
})

const taskSpec: z.ZodType<Task['spec']> = z.object({
  affinity: names,
  affinityMode: z.enum(['preferred', 'required']),
  require: names,
  timeoutMs: ms,
  deadlineAt: ms.nullable(),
  notBeforeAt: ms.nullable(),
  after: names,
  onParentFailure: z.enum(['cancel', 'hold', 'run']),
  retries: z.int(),
  onUnknown: z.enum(['hold', 'retry']),
  verify: argv.nullable(),
  preemptible: z.boolean(),
  maxCostUsd: z.number().nullable(),
  maxWallMs: ms.nullable(),
  maxAttempts: z.int(),
  onStall: z.enum(['report', 'stop']),
  key: z.string().nullable(),
  ref: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
})

export const task: z.ZodType<Task> = z.object({
  id: z.string(),
  state: z.enum(taskStates),
  reason: z.string().nullable(),
  priority: z.enum(priorities),
  prompt: z.string(),
  spec: taskSpec,
  rank: z.number(),
  lane: z.string(),
  fence: z.int(),
  attempt: z.int(),
  starts: z.int(),
  spentMs: z.number(),
  spentUsd: z.number(),
  agent: z.string().nullable(),
  want: z.enum(stopReasons).nullable(),
  outcome: z.enum(outcomes).nullable(),
  cause: z.enum(causes).nullable(),
  result: taskResult.nullable(),
  createdAt: ms,
  notBeforeAt: ms.nullable(),
  startedAt: ms.nullable(),
  endedAt: ms.nullable(),
})

export const agentView: z.ZodType<AgentView> = z.object({
  id: z.string(),
  state: z.enum(agentStates),
  reason: z.string().nullable(),
  program: z.enum(programNames),
  mode: z.enum(['interactive', 'headless']),
  labels: names,
  repo: z.string(),
  worktree: z.string(),
  branch: z.string(),
  loadScore: z.number(),
  cpuPercent: z.number(),
  memoryBytes: z.number(),
  currentTask: z.string().nullable(),
  tasksCompleted: z.int(),
  tasksFailed: z.int(),
  costUsd: z.number(),
  circuitState: z.enum(['closed', 'open', 'half-open']),
  hostPid: z.int().nullable(),
  programPid: z.int().nullable(),
  tmuxSocket: z.string(),
  evidence: z.array(evidence),
  createdAt: ms,
  updatedAt: ms,
})

const numbers = <K extends string>(keys: readonly K[]) => z.record(z.enum(keys), z.int())

export const status: z.ZodType<SquadStatus> = z.object({
  version: z.string(),
  pid: z.int(),
  home: z.string(),
  uptimeMs: z.number(),
  agents: z.object({
    total: z.int(),
    ...Object.fromEntries(agentStates.map((state) => [state, z.int().exactOptional()])),
  }),
  tasks: numbers(taskStates),
  queue: z.object({
    byPriority: numbers(priorities),
    isWhole: z.boolean(),
    oldestReadyAt: ms.nullable(),
  }),
  lastEvent: z.int().min(0),
  sampleIntervalMs: ms,
})

export const explanation: z.ZodType<Explanation> = z.object({
  subject: z.string(),
  state: z.string(),
  summary: z.string(),
  since: ms,
  reasons: z.array(z.object({ code: z.string(), text: z.string(), until: ms.nullable() })),
  wayOut: z.array(z.string()),
  evidence: z.array(evidence),
})

export const event: z.ZodType<SquadEvent> = z.object({
  seq: z.int(),
  at: ms,
  type: z.enum(Object.keys(eventTable) as (keyof typeof eventTable)[]),
  agentId: z.string().exactOptional(),
  taskId: z.string().exactOptional(),
  data: z.record(z.string(), z.unknown()),
})

export const settings = z.record(
  z.enum(Object.keys(configTable) as (keyof Config)[]),
  z.union([
    z.number(),
    z.boolean(),
    z.string(),
    z.record(z.string(), z.number()),
    z.array(z.record(z.string(), z.unknown())).readonly(),
  ]),
)

export const failure = z.object({
  error: z.object({
    code: z.enum(Object.keys(errors) as (keyof typeof errors)[]),
    message: z.string(),
    field: z.string().exactOptional(),
    hint: z.string().exactOptional(),
    data: z.record(z.string(), z.unknown()).exactOptional(),
  }),
})
