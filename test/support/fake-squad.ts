import { EventEmitter, once } from 'node:events'
import type { AgentInput, AgentState, AgentView } from '../../src/supervisor/domain/agent.ts'
import { createAgent } from '../../src/supervisor/domain/agent.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { NewEvent, SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Explanation } from '../../src/supervisor/domain/explanation.ts'
import type { TaskFilter } from '../../src/supervisor/domain/ports.ts'
import type { TokenSubject } from '../../src/supervisor/domain/agent-token.ts'
import type { AgentDoor, Squad, SquadStatus } from '../../src/supervisor/domain/squad.ts'
import type { Task, TaskInput, TaskState } from '../../src/supervisor/domain/task.ts'
import { createTask } from '../../src/supervisor/domain/create-task.ts'
import { isSettled, taskStates } from '../../src/supervisor/domain/task.ts'
import { version } from '../../src/supervisor/version.ts'

const limits = { maxPromptBytes: 1_048_576, taskTimeoutMs: 3_600_000, taskMaxAttempts: 20 }

/** A squad that only remembers: nothing runs until a test says how it ended. */
export class FakeSquad implements Squad {
  /** What it says it is. */
  version = version
  readonly agents = new Map<string, AgentView>()
  readonly queue: Task[] = []
  readonly log: SquadEvent[] = []
  /** What the agents show and write; tests may set it. */
  text = 'hello\n'
  queueSize = 1_000
  #readers = 0
  readonly #news = new EventEmitter().setMaxListeners(0)

  /** Resolves when so many read events or wait for a task: a test sees that they end. */
  async readers(count: number): Promise<void> {
    while (this.#readers !== count) await once(this.#news, 'readers')
  }

  #readAs(step: number): void {
    this.#readers += step
    this.#news.emit('readers')
  }

  status(): SquadStatus {
    const tasks = Object.fromEntries(taskStates.map((state) => [state, 0])) as SquadStatus['tasks']
    for (const { state } of this.queue) tasks[state] += 1
    const agents: SquadStatus['agents'] = { total: this.agents.size }
    for (const { state } of this.agents.values()) agents[state] = (agents[state] ?? 0) + 1
    const byPriority = { critical: 0, high: 0, normal: 0, low: 0 }
    for (const { state, priority } of this.queue) if (state === 'ready') byPriority[priority] += 1
    const queue = { byPriority, isWhole: true, oldestReadyAt: null }
    const about = { version: this.version, pid: process.pid, home: '/fake', uptimeMs: 1234 }
    const lastEvent = this.log.at(-1)?.seq ?? 0
    return { ...about, agents, tasks, queue, lastEvent, sampleIntervalMs: 5000 }
  }

  async addAgent(input: AgentInput): Promise<AgentView> {
    const { id, program, mode, labels, repo, branch } = createAgent(input)
    if (this.agents.has(id))
      throw new SquadError('SQUADD_CONFLICT', `agent "${id}" exists`, { hint: 'choose a new name' })
    const view: AgentView = {
      id,
      state: 'idle',
      reason: null,
      program,
      mode,
      labels,
      repo,
      worktree: `/fake/worktrees/${id}`,
      branch,
      loadScore: 0,
      cpuPercent: 0,
      memoryBytes: 0,
      currentTask: null,
      tasksCompleted: 0,
      tasksFailed: 0,
      costUsd: 0,
      circuitState: 'closed',
      hostPid: null,
      programPid: null,
      tmuxSocket: `/fake/run/${id}.sock`,
      evidence: [],
      createdAt: Date.now(),
      updatedAt: Date.now(),
    }
    this.agents.set(id, view)
    this.emit({ type: 'AgentAdded', agentId: id, data: { program, branch } })
    return view
  }

  agentView(id: string): AgentView {
    const view = this.agents.get(id)
    if (view) return view
    throw new SquadError('SQUADD_NOT_FOUND', `no agent "${id}"`, { hint: 'see squadd agent list' })
  }

  agentViews(): AgentView[] {
    return [...this.agents.values()]
  }

  pauseAgent = async (id: string, how: { now?: boolean; release?: boolean } = {}) =>
    this.#move(id, 'paused', how.release ? 'released' : how.now ? 'now' : null)
  resumeAgent = async (id: string) => this.#move(id, 'idle')
  stopAgent = async (id: string) => this.#move(id, 'stopped')
  restartAgent = async (id: string) => this.#move(id, 'starting')
  resetAgent = async (id: string) => this.#move(id, 'starting', 'reset')

  #move(id: string, state: AgentState, reason: string | null = null): AgentView {
    return Object.assign(this.agentView(id), { state, reason })
  }

  async removeAgent(id: string, how: { keepBranch?: boolean } = {}) {
    this.agentView(id)
    this.agents.delete(id)
    return { rescueRef: how.keepBranch ? null : `refs/squadd/rescue/${id}` }
  }

  async agentScreen(id: string): Promise<string> {
    this.agentView(id)
    return this.text
  }

  answerAgent = async (id: string, _choice: string) => this.agentView(id)
  sendToAgent = async (id: string, _text: string) => this.agentView(id)

  /** What programs of agents may do, by key and start. */
  readonly doors = new Map<string, AgentDoor>()
  agentDoor({ agent, start }: TokenSubject): AgentDoor | null {
    return this.doors.get(`${agent} ${start}`) ?? null
  }

  explain(subject: string): Explanation {
    const { state } = subject.startsWith('t') ? this.task(subject) : this.agentView(subject)
    return { subject, state, summary: 'so it is', since: 0, reasons: [], wayOut: [], evidence: [] }
  }

  async agentDiff(id: string): Promise<Uint8Array> {
    this.agentView(id)
    return Buffer.from(this.text)
  }

  async submit(inputs: readonly TaskInput[]): Promise<Task[]> {
    const specs = inputs.map((input) => createTask(input, limits))
    if (this.queue.length + specs.length > this.queueSize)
      throw new SquadError('SQUADD_QUEUE_FULL', `${this.queue.length} tasks wait`, {
        hint: 'try again later',
        retryAfterMs: 2_500,
      })
    const tasks = specs.map(({ prompt, priority, ...spec }, i): Task => {
      const id = `t${this.queue.length + i + 1}`
      return { ...blank, id, prompt, priority, spec, createdAt: Date.now() }
    })
    this.queue.push(...tasks)
    for (const { id, priority } of tasks)
      this.emit({ type: 'TaskSubmitted', taskId: id, data: { priority, lane: 'any' } })
    return tasks
  }

  task(id: string): Task {
    const task = this.queue.find((one) => one.id === id)
    if (task) return task
    throw new SquadError('SQUADD_NOT_FOUND', `no task "${id}"`, { hint: 'see squadd task list' })
  }

  tasks({ state, agent, limit = 100, before }: TaskFilter): Task[] {
    const end = before === undefined ? this.queue.length : Number(before.slice(1)) - 1
    return this.queue
      .slice(0, end)
      .filter((task) => (state ? task.state === state : true))
      .filter((task) => (agent ? task.agent === agent : true))
      .toReversed()
      .slice(0, limit)
  }

  async waitTask(id: string, { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal }) {
    const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const both = AbortSignal.any([signal, limit].filter((one) => one !== undefined))
    this.#readAs(1)
    try {
      while (!isSettled(this.task(id).state)) await once(this.#news, 'event', { signal: both })
    } catch (error) {
      if (limit?.aborted) throw new SquadError('SQUADD_TIMEOUT', `${id} still runs`)
      throw error
    } finally {
      this.#readAs(-1)
    }
    return this.task(id)
  }

  cancelTask = async (id: string) => this.#settle(id, 'cancelled')
  retryTask = async (id: string) => this.#settle(id, 'ready')
  async releaseTask(id: string): Promise<Task> {
    if (this.task(id).state === 'held') return this.#settle(id, 'ready')
    throw new SquadError('SQUADD_CONFLICT', `task ${id} is not held`, { hint: 'see its state' })
  }

  /** Ends a task as a test likes. */
  finish(id: string, success: boolean, output = 'done\n'): Task {
    const [at, error] = [Date.now(), success ? null : 'exit 1']
    const rest = { durationMs: 5, completedAt: at, evidence: [], usage: null, git: null }
    const task = this.task(id)
    Object.assign(task, {
      outcome: success ? 'succeeded' : 'failed',
      result: { success, output, error, ...rest },
      agent: 'a1',
      attempt: 1,
      startedAt: at,
      endedAt: at,
    })
    return this.#settle(id, success ? 'completed' : 'failed')
  }

  hold(id: string): Task {
    return this.#settle(id, 'held')
  }

  #settle(id: string, state: TaskState): Task {
    const task = Object.assign(this.task(id), { state })
    const type = ({ completed: 'TaskCompleted', failed: 'TaskFailed', held: 'TaskHeld' } as const)[
      state as 'held'
    ]
    this.emit({ type: type ?? 'TaskCancelled', taskId: id })
    return task
  }

  async *taskOutput(id: string): AsyncGenerator<Uint8Array> {
    this.task(id)
    for (const line of this.text.split(/(?<=\n)/)) yield Buffer.from(line)
  }

  async taskDiff(id: string): Promise<Uint8Array> {
    this.task(id)
    return Buffer.from(this.text)
  }

  notifications = () => [{ name: 'ops', on: ['TaskFailed'], target: 'hooks.test', waiting: 2 }]
  testNotifications = async (name = 'ops') => [
    { name, target: 'hooks.test', ok: name === 'ops', problem: null, durationMs: 1 },
  ]

  emit(event: NewEvent): void {
    const seq = (this.log.at(-1)?.seq ?? 0) + 1
    this.log.push({ data: {}, ...event, seq, at: Date.now() })
    this.#news.emit('event')
  }

  async *events({
    since,
    signal,
    follow = true,
  }: { since?: number; signal?: AbortSignal; follow?: boolean } = {}): AsyncGenerator<
    readonly SquadEvent[]
  > {
    let cursor = since ?? this.log.length
    this.#readAs(1)
    try {
      while (!signal?.aborted) {
        const batch = this.log.slice(cursor)
        if (batch.length > 0) {
          cursor = batch.at(-1)!.seq
          yield batch
          continue
        }
        if (!follow) return
        await once(this.#news, 'event', signal ? { signal } : {}).catch(() => {})
      }
    } finally {
      this.#readAs(-1)
    }
  }
}

const blank: Omit<Task, 'id' | 'prompt' | 'priority' | 'spec' | 'createdAt'> = {
  state: 'ready',
  reason: null,
  rank: 0,
  lane: 'any',
  fence: 0,
  attempt: 0,
  starts: 0,
  spentMs: 0,
  spentUsd: 0,
  agent: null,
  want: null,
  outcome: null,
  cause: null,
  result: null,
  notBeforeAt: null,
  startedAt: null,
  endedAt: null,
}
