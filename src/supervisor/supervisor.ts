import type { AgentInput, AgentView } from './domain/agent.ts'
import type { Config } from './domain/config.ts'
import type { Explanation } from './domain/explanation.ts'
import { SquadError } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import { attemptKey } from './domain/message.ts'
import type {
  HostProbe,
  LoadSampler,
  OutputLogs,
  Store,
  TaskFilter,
  WorktreeState,
} from './domain/ports.ts'
import type { Squad, SquadStatus } from './domain/squad.ts'
import type { Task, TaskId, TaskInput } from './domain/task.ts'
import { Dispatcher } from './dispatcher.ts'
import { EventLog } from './event-log.ts'
import { Explainer } from './explainer.ts'
import { HealthMonitor } from './health-monitor.ts'
import type { Unstopped } from './lifecycle.ts'
import { Lifecycle } from './lifecycle.ts'
import type { AgentOwner } from './agent-owner.ts'
import { Attempts } from './attempts.ts'
import type { SupervisedAgent } from './supervised-agent.ts'
import { LoadMonitor } from './load-monitor.ts'
import { Recovery } from './recovery.ts'
import { Breakers } from './breakers.ts'
import { breakerConfig, Placement } from './placement.ts'
import { TaskQueue } from './queue.ts'
import type { RosterPorts } from './roster.ts'
import { Roster } from './roster.ts'
import { SystemMetrics } from './system-metrics.ts'

export type SupervisorPorts = RosterPorts & {
  store: Store
  outputs: OutputLogs
  sampler: LoadSampler
  host: HostProbe
  /** Agents that are brought up at the same time. */
  startWidth: number
  /** Where errors go that nobody waits for. */
  onError: (error: unknown) => void
  /** Shown by `status`. */
  about: { version: string; pid: number; home: string }
}

/** Agents and parts that did not stop in time, with what they said. */
export type ShutdownReport = { unstopped: Unstopped[] }

/** Brings tasks to agents and keeps both true. */
export class Supervisor implements Squad {
  readonly #ports: SupervisorPorts
  readonly #store: Store
  readonly #log: EventLog
  readonly #queue: TaskQueue
  readonly #roster: Roster
  readonly #dispatcher: Dispatcher
  readonly #placement: Placement
  readonly #attempts: Attempts
  readonly #breakers: Breakers
  readonly #recovery: Recovery
  readonly #loads: LoadMonitor
  readonly #explainer: Explainer
  readonly #health: HealthMonitor
  readonly #system: SystemMetrics
  readonly #startedAt: number
  #closing = false

  constructor(config: () => Config, ports: SupervisorPorts) {
    this.#ports = ports
    const { store, clock, random } = ports
    this.#store = store
    this.#startedAt = clock.now()
    this.#log = new EventLog(store, () => config().eventBufferSize)
    this.#queue = new TaskQueue(store, this.#log, clock, random, config)
    this.#roster = new Roster(ports, this.#owner(), (agent, task) =>
      this.#attempts.stop(agent, task, 'preempted'),
    )
    const happened = (event: NewEvent) => this.#happened(event)
    const wake = () => this.#dispatcher.wake()
    this.#breakers = new Breakers(store, clock, () => breakerConfig(config()), wake, ports.onError)
    this.#placement = new Placement({
      ...{ roster: this.#roster, breakers: this.#breakers, host: ports.host },
      ...{ clock, random, config, happened },
      isDraining: () => this.#closing,
      onRelief: wake,
    })
    this.#dispatcher = new Dispatcher(
      store,
      clock,
      {
        free: () => this.#placement.free(),
        choose: (task, eligible) => this.#placement.choose(task, eligible),
        assign: (task) => {
          this.#attempts.assign(task)
          this.#loads.wake()
        },
        written: (isCommitted) => this.#placement.written(isCommitted),
        overdue: (task) => this.#attempts.overdue(task),
        exhausted: () => this.#attempts.makeRoom(),
      },
      () => config().maxConcurrentTasks,
      ports.onError,
    )
    const { hosts, onError } = ports
    const parts = { store, queue: this.#queue, roster: this.#roster, dispatcher: this.#dispatcher }
    const isRecovering = () => config().enableAutoRecovery
    this.#recovery = new Recovery(clock, random, this.#roster, isRecovering)
    this.#attempts = new Attempts({
      ...parts,
      ...{ breakers: this.#breakers, recovery: this.#recovery, hosts, clock, onError },
    })
    this.#loads = new LoadMonitor({
      sampler: ports.sampler,
      clock,
      intervalMs: () => config().sampleIntervalMs,
      stallAfterMs: () => config().stallAfterMs,
      agents: () => this.#roster.all,
      happened,
      stop: (agent, task) => void this.#attempts.stop(agent, task, 'stalled').catch(ports.onError),
      onError,
    })
    this.#explainer = new Explainer(store, clock, this.#roster, this.#placement)
    this.#health = new HealthMonitor(
      clock,
      () => config().healthCheckIntervalMs,
      () => this.#roster.all,
      (event) => this.#happened(event),
    )
    this.#system = new SystemMetrics({
      clock,
      intervalMs: () => config().healthCheckIntervalMs,
      status: () => this.status(),
      agents: () => this.#roster.all,
      happened,
    })
  }

  /**
   * Takes up what the store says: running attempts are adopted, then ready tasks are given out.
   * Resolves when every agent is usable or has failed.
   */
  async start(): Promise<void> {
    const running = this.#store.tasks({ state: 'running', limit: Number.MAX_SAFE_INTEGER })
    for (const task of running) this.#dispatcher.track(task)
    this.#dispatcher.start()
    this.#health.start()
    this.#system.start()
    this.#loads.wake()
    await this.#roster.restore(running, this.#ports.startWidth)
    for (const agent of this.#roster.all)
      if (agent.state === 'failed') this.#recovery.failed(agent.id)
    for (const task of running)
      if (!this.#roster.has(task.agent ?? '')) await this.#attempts.lost(task, 'its agent is gone')
  }

  /** The configuration has changed: what is decided from now on follows it. */
  reconfigure(): void {
    this.#placement.reconfigure()
    this.#dispatcher.wake()
  }

  get eventLog(): EventLog {
    return this.#log
  }

  status(): SquadStatus {
    const agents: SquadStatus['agents'] = { total: 0 }
    for (const { state } of this.#roster.all) {
      agents.total += 1
      agents[state] = (agents[state] ?? 0) + 1
    }
    const uptimeMs = this.#ports.clock.now() - this.#startedAt
    return { ...this.#ports.about, uptimeMs, agents, tasks: this.#store.taskCounts() }
  }

  async addAgent(input: AgentInput): Promise<AgentView> {
    this.#refuseWhenClosing()
    return (await this.#roster.add(input)).view()
  }

  /** Takes over an agent that was started elsewhere, under the name `id`. */
  async adopt(id: string, agent: SupervisedAgent): Promise<void> {
    this.#refuseWhenClosing()
    await this.#roster.adopt(id, agent)
  }

  /** Forgets an agent that another supervisor has adopted; what belongs to it stays. */
  handOver(id: string): Promise<void> {
    return this.#roster.handOver(id)
  }

  /** Asks an agent's host for a sign of life. Throws what is wrong, when that has been told. */
  checkAgent(id: string): Promise<void> {
    return this.#health.check(this.#roster.get(id))
  }

  /** Looks at CPU and memory of all programs now, not when it is time. */
  sampleLoads(): Promise<void> {
    return this.#loads.sweep()
  }

  agent(id: string): SupervisedAgent {
    return this.#roster.get(id)
  }

  agentView(id: string): AgentView {
    this.#roster.refresh()
    return this.#roster.get(id).view()
  }

  agentViews(): AgentView[] {
    this.#roster.refresh()
    return this.#roster.all.map((agent) => agent.view())
  }

  async pauseAgent(id: string, how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    const agent = await this.#roster.pause(id, how)
    this.#dispatcher.wake()
    return agent.view()
  }

  async resumeAgent(id: string): Promise<AgentView> {
    return (await this.#roster.resume(id)).view()
  }

  async stopAgent(id: string): Promise<AgentView> {
    const agent = await this.#roster.stop(id)
    this.#dispatcher.wake()
    return agent.view()
  }

  async restartAgent(id: string): Promise<AgentView> {
    const agent = await this.#roster.restart(id)
    this.#breakers.reset(id)
    this.#dispatcher.wake()
    return agent.view()
  }

  async resetAgent(id: string): Promise<AgentView> {
    const agent = this.#roster.get(id)
    const isBroken = this.#breakers.ofAgent(id).kind !== 'closed'
    if (agent.state === 'failed' || !isBroken) await this.#roster.reset(id)
    this.#breakers.reset(id)
    this.#dispatcher.wake()
    return agent.view()
  }

  async removeAgent(id: string, how: { keepBranch?: boolean } = {}) {
    const rescueRef = await this.#roster.remove(id, how.keepBranch ?? false)
    this.#breakers.forget(id)
    return { rescueRef }
  }

  agentScreen(id: string): Promise<string> {
    return this.#roster.get(id).screen()
  }

  agentDiff(id: string): Promise<string> {
    const { worktree, spec } = this.#roster.get(id).record
    return this.#ports.worktrees.diff(worktree, spec.base)
  }

  async submit(inputs: readonly TaskInput[]): Promise<Task[]> {
    this.#refuseWhenClosing()
    const stored = this.#queue.submit(inputs)
    this.#dispatcher.wake()
    const tasks = await stored
    if (tasks.some((task) => task.state === 'delayed')) this.#dispatcher.due()
    // Before the commit nobody could see that it is urgent.
    if (tasks.some((task) => task.priority === 'critical')) this.#attempts.makeRoom()
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
    return this.#queue.wait(id, how, done)
  }

  async cancelTask(id: TaskId): Promise<Task> {
    const task = await this.#store.cancel(id, 'cancelled by the operator', this.#ports.clock.now())
    if (task.state === 'running') this.#attempts.holder(task)?.stopAttempt('cancelled')
    else this.#dispatcher.due()
    return task
  }

  async retryTask(id: TaskId): Promise<Task> {
    const task = await this.#store.retry(id, this.#ports.clock.now())
    this.#dispatcher.due()
    return task
  }

  async releaseTask(id: TaskId): Promise<Task> {
    const task = await this.#store.release(id, this.#ports.clock.now())
    this.#dispatcher.due()
    return task
  }

  taskOutput(id: TaskId): AsyncIterable<Uint8Array> {
    const task = this.#store.task(id)
    return this.#ports.outputs.read(attemptKey(task.id, Math.max(task.fence, 1)))
  }

  async taskDiff(id: TaskId): Promise<string> {
    const task = this.#store.task(id)
    if (task.agent !== null && this.#roster.has(task.agent)) return this.agentDiff(task.agent)
    throw new SquadError('SQUADD_CONFLICT', `task ${id} has no agent with a worktree`, {
      hint: 'it has not run yet, or its agent was removed',
    })
  }

  explain(subject: string): Explanation {
    return this.#explainer.explain(subject)
  }

  events(how: { since?: number; signal?: AbortSignal; follow?: boolean } = {}) {
    return this.#log.read(how)
  }

  /** Claims nothing more and waits until no task runs, at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#closing = true
    this.#dispatcher.stop()
    const all = Promise.all(
      this.#roster.all.map((agent) => agent.untilFree().catch(() => {})),
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
    this.#closing = true
    this.#dispatcher.stop()
    this.#health.stop()
    this.#system.stop()
    this.#loads.stop()
    this.#recovery.close()
    this.#breakers.close()
    this.#placement.close()
    const lifecycle = new Lifecycle(this.#ports.clock)
    const stop = (agent: SupervisedAgent) =>
      stopAgents ? this.#roster.halt(agent) : agent.detach()
    const parts = this.#roster.all.map((agent) => ({
      name: `agent ${agent.id}`,
      stop: () => stop(agent),
      stopWithinMs: timeoutMs,
    }))
    const unstopped = (await Promise.all(parts.map((part) => lifecycle.end(part)))).flat()
    this.#dispatcher.close()
    return { unstopped }
  }

  #owner(): AgentOwner<SupervisedAgent> {
    const { onError } = this.#ports
    return {
      verdict: (agent, verdict) => void this.#attempts.record(agent, verdict).catch(onError),
      free: (agent) => {
        if (agent.record.goal !== 'up') this.#roster.reach(agent).catch(onError)
        // Where the number of tasks is limited, its place may be another's.
        this.#dispatcher.wake()
      },
      placed: (agent, place) => this.#placed(agent, place),
      gaveUp: (agent, reason, task) =>
        void this.#attempts.gaveUp(agent, reason, task).catch(onError),
      lost: (_agent, task, reason) => void this.#attempts.lost(task, reason).catch(onError),
      happened: (event) => this.#happened(event),
      breaker: (agent) => this.#breakers.ofAgent(agent.id).kind,
    }
  }

  async #placed(agent: SupervisedAgent, { path, ownsBranch }: WorktreeState): Promise<void> {
    const { record } = agent
    if (record.worktree === path && record.ownsBranch === ownsBranch) return
    const patch = { worktree: path, ownsBranch }
    agent.record = await this.#store.updateAgent(agent.id, patch, [], this.#ports.clock.now())
  }

  #happened(event: NewEvent): void {
    this.#store.append([event], this.#ports.clock.now()).catch(this.#ports.onError)
  }

  #refuseWhenClosing(): void {
    if (this.#closing)
      throw new SquadError('SQUADD_SHUTTING_DOWN', 'the squad is shutting down', {
        hint: 'start it again, then repeat this',
      })
  }
}
