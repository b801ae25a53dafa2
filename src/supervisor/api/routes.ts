import { z } from 'zod'
import { shownConfig } from '../domain/config.ts'
import { show, SquadError } from '../domain/error.ts'
import { isTaskId } from '../domain/names.ts'
import type { AgentDoor } from '../domain/squad.ts'
import { taskStates } from '../domain/task.ts'
import type { EndpointName } from './endpoints.ts'
import { route } from './route.ts'
import {
  agentInput,
  agentView,
  count,
  event,
  explanation,
  flag,
  settings,
  status,
  strict,
  task,
  taskBatch,
  taskInput,
} from './schemas.ts'

const none = strict({})
const agentId = z.string().describe("The agent's name.")
const agent = strict({ id: agentId })
const taskId = z.string().describe("The task's id: t12.")
const oneTask = strict({ id: taskId })
const text = z.string()

/** The id, if it can be one at all. Throws SQUADD_NOT_FOUND. */
function known(id: string): string {
  if (isTaskId(id)) return id
  throw new SquadError('SQUADD_NOT_FOUND', `no task ${show(id)}`, { hint: 'ids look like t12' })
}

/** Nobody comes here without: `refusalOf` has seen to it. */
function own(door: AgentDoor | undefined): AgentDoor {
  if (door) return door
  throw new SquadError('SQUADD_FORBIDDEN', 'this is for the program of an agent')
}

/** Every endpoint of the API: with `endpoints` the one table of what there is. */
export const routes = {
  status: route('status', { input: none, output: status, handle: ({ squad }) => squad.status() }),

  'agents.list': route('agents.list', {
    input: strict({ limit: count(1, 1_000_000).exactOptional() }),
    output: z.array(agentView),
    handle: ({ squad }, { limit }) => squad.agentViews().slice(0, limit),
  }),
  'agents.add': route('agents.add', {
    input: agentInput,
    output: agentView,
    status: 201,
    handle: ({ squad }, input) => squad.addAgent(input),
  }),
  'agents.show': route('agents.show', {
    input: agent,
    output: agentView,
    handle: ({ squad }, { id }) => squad.agentView(id),
  }),
  'agents.remove': route('agents.remove', {
    input: strict({ id: agentId, keepBranch: flag.exactOptional() }),
    output: z.object({ rescueRef: z.string().nullable() }),
    handle: ({ squad }, { id, ...how }) => squad.removeAgent(id, how),
  }),
  'agents.pause': route('agents.pause', {
    input: strict({
      id: agentId,
      now: z.boolean().exactOptional().describe('Interrupt the running task.'),
      release: z.boolean().exactOptional().describe('Commit, end the session, free the worktree.'),
    }),
    output: agentView,
    handle: ({ squad }, { id, ...how }) => squad.pauseAgent(id, how),
  }),
  'agents.resume': route('agents.resume', {
    input: agent,
    output: agentView,
    handle: ({ squad }, { id }) => squad.resumeAgent(id),
  }),
  'agents.stop': route('agents.stop', {
    input: agent,
    output: agentView,
    handle: ({ squad }, { id }) => squad.stopAgent(id),
  }),
  'agents.restart': route('agents.restart', {
    input: strict({
      id: agentId,
      fresh: z.boolean().exactOptional().describe('Begin a new conversation.'),
    }),
    output: agentView,
    handle: ({ squad }, { id, ...how }) => squad.restartAgent(id, how),
  }),
  'agents.reset': route('agents.reset', {
    input: agent,
    output: agentView,
    handle: ({ squad }, { id }) => squad.resetAgent(id),
  }),
  'agents.screen': route('agents.screen', {
    input: agent,
    output: text,
    handle: ({ squad }, { id }) => squad.agentScreen(id),
  }),
  'agents.answer': route('agents.answer', {
    input: strict({
      id: agentId,
      choice: z.string().min(1).max(10_000).describe('yes, no, or the number of a choice.'),
    }),
    output: agentView,
    handle: ({ squad }, { id, choice }) => squad.answerAgent(id, choice),
  }),
  'agents.send': route('agents.send', {
    input: strict({ id: agentId, text: z.string().min(1).max(1_048_576) }),
    output: agentView,
    handle: ({ squad }, { id, text: typed }) => squad.sendToAgent(id, typed),
  }),
  'agents.diff': route('agents.diff', {
    input: agent,
    output: text,
    handle: ({ squad }, { id }) => squad.agentDiff(id),
  }),
  'agents.explain': route('agents.explain', {
    input: agent,
    output: explanation,
    handle: ({ squad }, { id }) => {
      squad.agentView(id)
      return squad.explain(id)
    },
  }),
  'tasks.explain': route('tasks.explain', {
    input: oneTask,
    output: explanation,
    handle: ({ squad }, { id }) => squad.explain(known(id)),
  }),

  'tasks.list': route('tasks.list', {
    input: strict({
      state: z.enum(taskStates).exactOptional(),
      agent: z.string().exactOptional(),
      limit: count(1, 10_000).exactOptional().describe('Newest first, at most this many: 100.'),
      before: taskId.exactOptional().describe('Only tasks older than this one.'),
    }),
    output: z.array(task),
    handle: ({ squad }, filter) => {
      if (filter.before !== undefined) known(filter.before)
      return squad.tasks(filter)
    },
  }),
  'tasks.add': route('tasks.add', {
    input: z.union([taskInput, taskBatch]),
    output: z
      .union([task, z.array(task)])
      .describe('One task, or for a batch all of them in order.'),
    status: 201,
    handle: async ({ squad }, input) => {
      if ('tasks' in input) return squad.submit(input.tasks)
      const [added] = await squad.submit([input])
      if (!added) throw new SquadError('SQUADD_INTERNAL', 'the task was not stored')
      return added
    },
  }),
  'tasks.show': route('tasks.show', {
    input: oneTask,
    output: task,
    handle: ({ squad }, { id }) => squad.task(known(id)),
  }),
  'tasks.wait': route('tasks.wait', {
    input: strict({ id: taskId, timeoutMs: count(0, Number.MAX_SAFE_INTEGER).exactOptional() }),
    output: task,
    handle: ({ squad }, { id, ...how }, { signal }) =>
      squad.waitTask(known(id), { ...how, signal }),
  }),
  'tasks.cancel': route('tasks.cancel', {
    input: oneTask,
    output: task,
    handle: ({ squad }, { id }) => squad.cancelTask(known(id)),
  }),
  'tasks.retry': route('tasks.retry', {
    input: oneTask,
    output: task,
    handle: ({ squad }, { id }) => squad.retryTask(known(id)),
  }),
  'tasks.release': route('tasks.release', {
    input: oneTask,
    output: task,
    handle: ({ squad }, { id }) => squad.releaseTask(known(id)),
  }),
  'tasks.output': route('tasks.output', {
    input: oneTask,
    output: text,
    handle: ({ squad }, { id }) => squad.taskOutput(known(id)),
  }),
  'tasks.diff': route('tasks.diff', {
    input: oneTask,
    output: text,
    handle: ({ squad }, { id }) => squad.taskDiff(known(id)),
  }),

  'own.show': route('own.show', {
    input: none,
    output: task,
    handle: ({ squad }, _, { door }) => squad.task(own(door).taskId),
  }),
  'own.report': route('own.report', {
    input: strict({ text: z.string().min(1).max(1000) }),
    output: z.object({ taskId: z.string() }),
    handle: (_context, { text: said }, { door }) => {
      own(door).report(said)
      return { taskId: own(door).taskId }
    },
  }),
  'notifications.list': route('notifications.list', {
    input: none,
    output: z.array(
      z.object({ name: text, on: z.array(text), target: text, waiting: z.int().min(0) }),
    ),
    handle: ({ squad }) => squad.notifications(),
  }),
  'notifications.test': route('notifications.test', {
    input: strict({ name: z.string().exactOptional().describe('Default: all of them.') }),
    output: z.array(
      z.object({
        name: text,
        target: text,
        ok: z.boolean(),
        problem: text.nullable(),
        durationMs: z.number(),
      }),
    ),
    handle: ({ squad }, { name }) => squad.testNotifications(name),
  }),

  events: route('events', {
    input: strict({
      since: count(0, Number.MAX_SAFE_INTEGER).exactOptional().describe('Default: from now on.'),
      follow: flag.exactOptional().describe('false: ends with the newest event there is.'),
    }),
    output: event,
    handle: ({ squad }, how, { signal }) => squad.events({ ...how, signal }),
  }),

  stop: route('stop', {
    input: strict({
      drain: z.union([z.boolean(), z.int().min(0)]).exactOptional(),
      stopAgents: z.boolean().exactOptional(),
    }),
    output: z.object({
      pid: z.int(),
      unstopped: z.array(z.object({ name: z.string(), error: z.string() })),
    }),
    handle: async ({ control, squad }, { drain = false, stopAgents = false }) => {
      const { pid } = squad.status()
      const drainMs = drain === true ? null : Number(drain)
      const { unstopped } = await control.stop({ drainMs, stopAgents })
      return { pid, unstopped }
    },
  }),
  reload: route('reload', {
    input: none,
    output: settings,
    handle: async ({ control }) => shownConfig(await control.reload()),
  }),
  metrics: route('metrics', {
    input: none,
    output: text,
    handle: ({ metrics }, _, { accept }) => metrics(accept),
  }),
  healthz: route('healthz', {
    input: none,
    output: z.object({ ok: z.literal(true) }),
    handle: () => ({ ok: true as const }),
  }),
  readyz: route('readyz', {
    input: none,
    output: z.object({ ok: z.literal(true) }),
    handle: ({ ready }) => {
      if (ready()) return { ok: true as const }
      throw new SquadError('SQUADD_NOT_RUNNING', 'not ready yet', { hint: 'ask again soon' })
    },
  }),
  openapi: route('openapi', {
    input: none,
    output: z.record(z.string(), z.unknown()),
    handle: ({ openapi }) => openapi(),
  }),
} satisfies { [N in EndpointName]: unknown }

/** What a client gives and gets, by endpoint. */
export type Calls = {
  [N in EndpointName]: {
    input: z.output<(typeof routes)[N]['input']>
    output: z.output<(typeof routes)[N]['output']>
  }
}
