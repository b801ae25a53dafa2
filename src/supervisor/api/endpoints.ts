/** What an endpoint answers with: one JSON value, a text, bytes as they come, or events (SSE). */
export type ReplyKind = 'json' | 'text' | 'bytes' | 'events'

export type Endpoint = {
  method: 'GET' | 'POST' | 'DELETE'
  /** `:id` is filled from the input's `id`. */
  path: `/${string}`
  reply: ReplyKind
  doc: string
  /** It may take as long as the caller likes. */
  waits?: true
  /** Who may ask. Default: the operator. */
  scope?: 'agent' | 'all'
}

/**
 * Every endpoint: where it is and what it is for. `routes.ts` gives each its schemas and handler;
 * this half stands alone so that the client loads nothing else.
 */
export const endpoints = {
  status: { method: 'GET', path: '/v1/status', reply: 'json', doc: 'The squad in numbers.' },

  'agents.list': { method: 'GET', path: '/v1/agents', reply: 'json', doc: 'All agents.' },
  'agents.add': { method: 'POST', path: '/v1/agents', reply: 'json', doc: 'Adds an agent.' },
  'agents.show': { method: 'GET', path: '/v1/agents/:id', reply: 'json', doc: 'One agent.' },
  'agents.remove': {
    method: 'DELETE',
    path: '/v1/agents/:id',
    reply: 'json',
    doc: 'Removes an agent; unsaved work is kept under the ref it answers with.',
  },
  'agents.pause': {
    method: 'POST',
    path: '/v1/agents/:id/pause',
    reply: 'json',
    doc: 'Takes no more tasks; `now` interrupts the running one, `release` also gives up the worktree.',
  },
  'agents.resume': {
    method: 'POST',
    path: '/v1/agents/:id/resume',
    reply: 'json',
    doc: 'A paused agent takes tasks again.',
  },
  'agents.stop': {
    method: 'POST',
    path: '/v1/agents/:id/stop',
    reply: 'json',
    doc: 'Ends the program, the tmux session and the host; the worktree stays.',
  },
  'agents.restart': {
    method: 'POST',
    path: '/v1/agents/:id/restart',
    reply: 'json',
    doc: 'Stops and starts the agent.',
  },
  'agents.reset': {
    method: 'POST',
    path: '/v1/agents/:id/reset',
    reply: 'json',
    doc: 'The way out of `failed`: forgets failures and starts again.',
  },
  'agents.screen': {
    method: 'GET',
    path: '/v1/agents/:id/screen',
    reply: 'text',
    doc: "The text on the agent's screen.",
  },
  'agents.answer': {
    method: 'POST',
    path: '/v1/agents/:id/answer',
    reply: 'json',
    doc: "Answers what the agent's program asks.",
    waits: true,
  },
  'agents.send': {
    method: 'POST',
    path: '/v1/agents/:id/send',
    reply: 'json',
    doc: "Types a text into the agent's program, as a person would.",
    waits: true,
  },
  'agents.diff': {
    method: 'GET',
    path: '/v1/agents/:id/diff',
    reply: 'text',
    doc: 'A unified diff from where the branch began to the working tree.',
    waits: true,
  },

  'tasks.list': { method: 'GET', path: '/v1/tasks', reply: 'json', doc: 'Tasks, newest first.' },
  'tasks.add': {
    method: 'POST',
    path: '/v1/tasks',
    reply: 'json',
    doc: 'Stores one task, or with `tasks` a whole batch or nothing of it; durable when it answers.',
  },
  'tasks.show': { method: 'GET', path: '/v1/tasks/:id', reply: 'json', doc: 'One task.' },
  'tasks.wait': {
    method: 'GET',
    path: '/v1/tasks/:id/wait',
    reply: 'json',
    doc: 'The task, once it has ended or is held; 504 when `timeoutMs` passes before.',
    waits: true,
  },
  'tasks.cancel': {
    method: 'POST',
    path: '/v1/tasks/:id/cancel',
    reply: 'json',
    doc: 'Cancels a task; a running one is interrupted.',
  },
  'tasks.retry': {
    method: 'POST',
    path: '/v1/tasks/:id/retry',
    reply: 'json',
    doc: 'A failed or cancelled task begins again.',
  },
  'tasks.release': {
    method: 'POST',
    path: '/v1/tasks/:id/release',
    reply: 'json',
    doc: 'A held task goes on.',
  },
  'tasks.output': {
    method: 'GET',
    path: '/v1/tasks/:id/output',
    reply: 'bytes',
    doc: 'The output kept of the newest attempt, as the program wrote it.',
  },
  'tasks.diff': {
    method: 'GET',
    path: '/v1/tasks/:id/diff',
    reply: 'text',
    doc: 'A unified diff of what the task changed.',
    waits: true,
  },

  'agents.explain': {
    method: 'GET',
    path: '/v1/agents/:id/explain',
    reply: 'json',
    doc: 'Why an agent is as it is, and whether it may take a task.',
  },
  'tasks.explain': {
    method: 'GET',
    path: '/v1/tasks/:id/explain',
    reply: 'json',
    doc: 'Why a task waits, for whom, since when, and what would have to change.',
  },

  'own.show': {
    method: 'GET',
    path: '/v1/own',
    reply: 'json',
    doc: 'For the program of an agent: the task that it works on.',
    scope: 'agent',
  },
  'own.report': {
    method: 'POST',
    path: '/v1/own/report',
    reply: 'json',
    doc: 'For the program of an agent: how far its task is; everybody sees it as an event.',
    scope: 'agent',
  },
  'notifications.list': {
    method: 'GET',
    path: '/v1/notifications',
    reply: 'json',
    doc: 'Who is told of which events, and how many notices wait.',
  },
  'notifications.test': {
    method: 'POST',
    path: '/v1/notifications/test',
    reply: 'json',
    doc: 'Sends one now, or each, and says how it went.',
    waits: true,
  },

  events: {
    method: 'GET',
    path: '/v1/events',
    reply: 'events',
    doc: 'Events as server-sent events; goes on after `Last-Event-ID` or `since`.',
    waits: true,
  },

  stop: {
    method: 'POST',
    path: '/v1/stop',
    reply: 'json',
    doc: 'Stops the daemon; answers once the agents are let go. `drain`: true or ms to wait for tasks.',
    waits: true,
  },
  reload: {
    method: 'POST',
    path: '/v1/reload',
    reply: 'json',
    doc: 'Reads the configuration again.',
  },
  metrics: { method: 'GET', path: '/metrics', reply: 'text', doc: 'Metrics for Prometheus.' },
  healthz: {
    method: 'GET',
    path: '/healthz',
    reply: 'json',
    doc: 'The process answers.',
    scope: 'all',
  },
  readyz: { method: 'GET', path: '/readyz', reply: 'json', doc: '503 until tasks can run.' },
  openapi: { method: 'GET', path: '/openapi.json', reply: 'json', doc: 'This table.' },
} as const satisfies Record<string, Endpoint>

export type EndpointName = keyof typeof endpoints
