import { readingOf } from './agent-reading.ts'
import { viewOf } from './agent-view.ts'
import type { TokenSubject } from './domain/agent-token.ts'
import type { AgentInput, AgentView, ProgramName } from './domain/agent.ts'
import type { Config } from './domain/config.ts'
import { SquadError } from './domain/error.ts'
import type { Explanation } from './domain/explanation.ts'
import { attemptKey } from './domain/message.ts'
import type { Store, TaskFilter } from './domain/ports.ts'
import type { AgentDoor, Squad, SquadStatus } from './domain/squad.ts'
import type { Task, TaskId, TaskInput } from './domain/task.ts'
import type { EventLog } from './event-log.ts'
import type { Unstopped } from './lifecycle.ts'
import { Lifecycle } from './lifecycle.ts'
import type { SupervisorPorts } from './squad-parts.ts'
import { SquadParts } from './squad-parts.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** Agents and parts that did not stop in time, with what they said. */
export type ShutdownReport = { unstopped: Unstopped[] }

/** Brings tasks to agents and keeps both true. */
export class Supervisor implements Squad {
  readonly #config: () => Config
  readonly #ports: SupervisorPorts
  readonly #store: Store
  readonly #parts: SquadParts
  readonly #startedAt: number

  constructor(config: () => Config, ports: SupervisorPorts) {
    this.#config = config
    this.#ports = ports
    this.#store = ports.store
    this.#startedAt = ports.clock.now()
    this.#parts = new SquadParts(config, ports)
  }

  /**
   * Takes up what the store says: running attempts are adopted, then ready tasks are given out.
   * Resolves when every agent is usable or has failed.
   */
  async start(): Promise<void> {
    const running = this.#store.tasks({ state: 'running', limit: Number.MAX_SAFE_INTEGER })
    for (const task of running) this.#parts.dispatcher.track(task)
    this.#parts.dispatcher.start()
    this.#parts.health.start()
    this.#parts.system.start()
    this.#parts.notifier.start()
    this.#parts.loads.wake()
    await this.#parts.roster.restore(running, this.#ports.startWidth)
    for (const agent of this.#parts.roster.all)
      if (agent.state === 'failed') this.#parts.recovery.failed(agent.id)
    for (const task of running)
      if (!this.#parts.roster.has(task.agent ?? ''))
        await this.#parts.attempts.lost(null, task, 'its agent is gone')
  }

  /** The configuration has changed: what is decided from now on follows it. */
  reconfigure(): void {
    this.#parts.placement.reconfigure()
    this.#parts.notifier.start()
    this.#parts.dispatcher.wake()
  }

  get eventLog(): EventLog {
    return this.#parts.log
  }

  status(): SquadStatus {
    const uptimeMs = this.#ports.clock.now() - this.#startedAt
    const counts = this.#parts.count()
    const byPriority = this.#store.readyByPriority()
    const counted = Object.values(byPriority).reduce((sum, n) => sum + n, 0)
    const queue = {
      byPriority,
      isWhole: counted === counts.tasks.ready,
      oldestReadyAt: this.#store.oldestReadyAt(),
    }
    const { sampleIntervalMs } = this.#config()
    const lastEvent = this.#store.eventRange().last
    return { ...this.#ports.about, uptimeMs, ...counts, queue, lastEvent, sampleIntervalMs }
  }

  async addAgent(input: AgentInput): Promise<AgentView> {
    this.#refuseWhenClosing()
    return viewOf(await this.#parts.roster.add(input))
  }

  /** Takes over an agent that was started elsewhere, under the name `id`. */
  async adopt(id: string, agent: SupervisedAgent): Promise<void> {
    this.#refuseWhenClosing()
    await this.#parts.roster.adopt(id, agent)
  }

  /** Forgets an agent that another supervisor has adopted; what belongs to it stays. */
  handOver(id: string): Promise<void> {
    return this.#parts.roster.handOver(id)
  }

  /** Asks an agent's host for a sign of life. Throws what is wrong, when that has been told. */
  checkAgent(id: string): Promise<void> {
    return this.#parts.health.check(this.#parts.roster.get(id))
  }

  /** Looks at CPU and memory of all programs now, not when it is time. */
  sampleLoads(): Promise<void> {
    return this.#parts.loads.sweep()
  }

  agent(id: string): SupervisedAgent {
    return this.#parts.roster.get(id)
  }

  agentView(id: string): AgentView {
    this.#parts.roster.refresh()
    return viewOf(this.#parts.roster.get(id))
  }

  agentViews(): AgentView[] {
    this.#parts.roster.refresh()
    return this.#parts.roster.all.map(viewOf)
  }

  /** What the metrics tell of the squad; of its agents what the store counts is as of the last refresh. */
  get metricFacts() {
    const { roster, breakers, placement } = this.#parts
    return {
      agents: () => roster.all.map(readingOf),
      refreshAgents: () => roster.refresh(),
      programBreaker: (program: ProgramName) => breakers.ofProgram(program).kind,
      isAdmissionPaused: () => placement.isPaused,
    }
  }

  async pauseAgent(id: string, how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    const agent = await this.#parts.orders.pause(id, how)
    this.#parts.dispatcher.wake()
    return viewOf(agent)
  }

  async resumeAgent(id: string): Promise<AgentView> {
    return viewOf(await this.#parts.orders.resume(id))
  }

  async stopAgent(id: string): Promise<AgentView> {
    const agent = await this.#parts.orders.stop(id)
    this.#parts.dispatcher.wake()
    return viewOf(agent)
  }

  async restartAgent(id: string, how: { fresh?: boolean } = {}): Promise<AgentView> {
    const agent = await this.#parts.orders.restart(id, how)
    this.#parts.breakers.reset(id)
    this.#parts.dispatcher.wake()
    return viewOf(agent)
  }

  async resetAgent(id: string): Promise<AgentView> {
    const agent = this.#parts.roster.get(id)
    const isBroken = this.#parts.breakers.ofAgent(id).kind !== 'closed'
    if (agent.state === 'failed' || !isBroken) await this.#parts.orders.reset(id)
    this.#parts.breakers.reset(id)
    this.#parts.dispatcher.wake()
    return viewOf(agent)
  }

  async removeAgent(id: string, how: { keepBranch?: boolean } = {}) {
    const rescueRef = await this.#parts.orders.remove(id, how.keepBranch ?? false)
    this.#parts.breakers.forget(id)
    return { rescueRef }
  }

  agentScreen(id: string): Promise<string> {
    return this.#parts.roster.get(id).screen()
  }

  async answerAgent(id: string, choice: string): Promise<AgentView> {
    const agent = this.#parts.roster.get(id)
    await agent.answerProgram(choice)
    return viewOf(agent)
  }

  async sendToAgent(id: string, text: string): Promise<AgentView> {
    const agent = this.#parts.roster.get(id)
    await agent.send(text)
    return viewOf(agent)
  }

  agentDiff(id: string): Promise<Uint8Array> {
    const { worktree, spec } = this.#parts.roster.get(id).record
    return this.#ports.worktrees.diff(worktree, spec.base)
  }

  async submit(inputs: readonly TaskInput[]): Promise<Task[]> {
    this.#refuseWhenClosing()
    const stored = this.#parts.queue.submit(inputs)
    this.#parts.dispatcher.wake()
    const tasks = await stored.catch((error: unknown) => {
      // Stored they may be all the same.
      this.#parts.dispatcher.due()
      throw error
    })
    if (tasks.some((task) => task.state === 'delayed')) this.#parts.dispatcher.due()
    // Before the commit nobody could see that it is urgent.
    if (tasks.some((task) => task.priority === 'critical')) this.#parts.attempts.makeRoom()
    return tasks
  }

  task(id: TaskId): Task {
    return this.#store.task(id)
  }

  tasks(filter: TaskFilter): Task[] {
    return this.#store.tasks(filter)
  }

  waitTask(
    id: TaskId,
    how: { timeoutMs?: number; signal?: AbortSignal } = {},
    done?: (task: Task) => boolean,
  ): Promise<Task> {
    return this.#parts.queue.wait(id, how, done)
  }

  cancelTask(id: TaskId): Promise<Task> {
    const now = this.#ports.clock.now()
    return this.#followed(id, this.#store.cancel(id, 'cancelled by the operator', now))
  }

  retryTask(id: TaskId): Promise<Task> {
    return this.#followed(id, this.#store.retry(id, this.#ports.clock.now()))
  }

  releaseTask(id: TaskId): Promise<Task> {
    return this.#followed(id, this.#store.release(id, this.#ports.clock.now()))
  }

  /** Does what a write to a task asks for, which may be done also when it answers with an error. */
  async #followed(id: TaskId, write: Promise<Task>): Promise<Task> {
    try {
      return await write
    } finally {
      const task = this.#store.task(id)
      if (task.want === 'cancelled') this.#parts.attempts.holder(task)?.stopAttempt('cancelled')
      else this.#parts.dispatcher.due()
    }
  }

  taskOutput(id: TaskId): AsyncIterable<Uint8Array> {
    const task = this.#store.task(id)
    return this.#ports.outputs.read(attemptKey(task.id, Math.max(task.fence, 1)))
  }

  async taskDiff(id: TaskId): Promise<Uint8Array> {
    const task = this.#store.task(id)
    if (task.agent !== null && this.#parts.roster.has(task.agent)) return this.agentDiff(task.agent)
    throw new SquadError('SQUADD_CONFLICT', `task ${id} has no agent with a worktree`, {
      hint: 'it has not run yet, or its agent was removed',
    })
  }

  agentDoor(subject: TokenSubject): AgentDoor | null {
    return this.#parts.doors.open(subject)
  }

  explain(subject: string): Explanation {
    return this.#parts.explainer.explain(subject)
  }

  events(how: { since?: number; signal?: AbortSignal; follow?: boolean } = {}) {
    return this.#parts.log.batches(how)
  }

  notifications() {
    return this.#parts.notifier.list()
  }

  testNotifications(name?: string) {
    return this.#parts.notifier.test(name)
  }

  /** Claims nothing more and waits until no task runs, at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#parts.isClosing = true
    this.#parts.dispatcher.stop()
    const all = Promise.all(
      this.#parts.roster.all.map((agent) => agent.untilFree().catch(() => {})),
    ).then(() => true)
    const limit = new Promise<boolean>((resolve) =>
      this.#ports.clock.after(timeoutMs, () => resolve(false)),
    )
    return Promise.race([all, limit])
  }

  /**
   * Stops supervising. Agents live on in tmux, or end with `stopAgents`. Tells what did not stop
   * within `timeoutMs`; nothing is hidden. The store stays open: its owner closes it.
   */
  async shutdown({ stopAgents = false, timeoutMs = 60_000 } = {}): Promise<ShutdownReport> {
    this.#parts.isClosing = true
    this.#parts.stopTimers()
    const lifecycle = new Lifecycle(this.#ports.clock)
    const { roster, orders } = this.#parts
    const restoring = { name: 'start of agents', stop: () => roster.stopRestoring() }
    const unrestored = await lifecycle.end({ ...restoring, stopWithinMs: timeoutMs })
    const stop = (agent: SupervisedAgent) => (stopAgents ? orders.halt(agent) : agent.detach())
    const parts = roster.all.map((agent) => ({
      name: `agent ${agent.id}`,
      stop: () => stop(agent),
      stopWithinMs: timeoutMs,
    }))
    const unstopped = (await Promise.all(parts.map((part) => lifecycle.end(part)))).flat()
    this.#parts.dispatcher.close()
    return { unstopped: [...unrestored, ...unstopped] }
  }

  #refuseWhenClosing(): void {
    if (this.#parts.isClosing)
      throw new SquadError('SQUADD_SHUTTING_DOWN', 'the squad is shutting down', {
        hint: 'start it again, then repeat this',
      })
  }
}
