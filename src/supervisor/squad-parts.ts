import { AgentDoors } from './agent-door.ts'
import { AgentGoals } from './agent-goals.ts'
import { AgentOrders } from './agent-orders.ts'
import type { AgentOwner } from './agent-owner.ts'
import { Attempts } from './attempts.ts'
import { Breakers } from './breakers.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Config } from './domain/config.ts'
import type { NewEvent } from './domain/event.ts'
import type { HostLine } from './domain/message.ts'
import type {
  Courier,
  HostProbe,
  LoadSampler,
  OutputLogs,
  Store,
  WorktreeState,
} from './domain/ports.ts'
import type { SquadStatus } from './domain/squad.ts'
import { EventLog } from './event-log.ts'
import { Explainer } from './explainer.ts'
import { HealthMonitor } from './health-monitor.ts'
import { LoadMonitor } from './load-monitor.ts'
import type { NotificationRule } from './domain/notification.ts'
import { Notifier } from './notify/notifier.ts'
import { breakerConfig, Placement } from './placement.ts'
import { TaskQueue } from './queue.ts'
import { Questions } from './questions.ts'
import { Recovery } from './recovery.ts'
import type { RosterPorts } from './roster.ts'
import { Roster } from './roster.ts'
import type { SupervisedAgent } from './supervised-agent.ts'
import { SystemMetrics } from './system-metrics.ts'

export type SupervisorPorts = RosterPorts & {
  store: Store
  outputs: OutputLogs
  sampler: LoadSampler
  host: HostProbe
  courier: Courier
  /** Who is told of what, as the configuration says now. */
  notifications: () => readonly NotificationRule[]
  /** Agents that are brought up at the same time. */
  startWidth: number
  /** Where errors go that nobody waits for. */
  onError: (error: unknown) => void
  /** Gets what the host of an agent has for the log. */
  onHostLine: (agent: string, line: HostLine) => void
  /** Shown by `status`. */
  about: { version: string; pid: number; home: string }
}

/** What a supervisor is made of, each part told of the others. Decides nothing itself. */
export class SquadParts {
  readonly #ports: SupervisorPorts
  readonly #store: Store
  readonly log: EventLog
  readonly queue: TaskQueue
  readonly roster: Roster
  readonly orders: AgentOrders
  readonly dispatcher: Dispatcher
  readonly placement: Placement
  readonly attempts: Attempts
  readonly breakers: Breakers
  readonly recovery: Recovery
  readonly loads: LoadMonitor
  readonly questions: Questions
  readonly explainer: Explainer
  readonly health: HealthMonitor
  readonly system: SystemMetrics
  readonly doors: AgentDoors
  readonly notifier: Notifier
  /** It takes no new work. */
  isClosing = false

  constructor(config: () => Config, ports: SupervisorPorts) {
    this.#ports = ports
    const { store, clock, random } = ports
    this.#store = store
    this.log = new EventLog(
      store,
      () => config().eventBufferSize,
      () => ({ count: config().eventRetention, ageMs: config().eventRetentionMs }),
      (count) => ports.meter.eventsMissed(count),
    )
    this.queue = new TaskQueue(store, this.log, clock, random, config)
    const goals = new AgentGoals(ports, (agent, task) =>
      this.attempts.stop(agent, task, 'preempted'),
    )
    this.roster = new Roster(ports, this.#owner(), goals)
    this.orders = new AgentOrders(this.roster, goals, ports.worktrees)
    const happened = (event: NewEvent) => this.#happened(event)
    const wake = () => this.dispatcher.wake()
    this.breakers = new Breakers(store, clock, () => breakerConfig(config()), wake, ports.onError)
    this.placement = new Placement({
      ...{ roster: this.roster, breakers: this.breakers, host: ports.host },
      ...{ clock, random, config, happened },
      isDraining: () => this.isClosing,
      busyAgents: () => this.dispatcher.busyAgents,
      onRelief: wake,
    })
    this.doors = new AgentDoors(() => this.roster.all, clock, happened)
    this.dispatcher = new Dispatcher(
      store,
      clock,
      {
        free: () => this.placement.free(),
        choose: (task, eligible) => this.placement.choose(task, eligible),
        assign: (task) => {
          this.attempts.assign(task)
          this.loads.wake()
        },
        written: (isCommitted) => this.placement.written(isCommitted),
        overdue: (task) => void this.attempts.overdue(task).catch(ports.onError),
        exhausted: () => this.attempts.makeRoom(),
      },
      () => config().maxConcurrentTasks,
      ports.onError,
    )
    const { hosts, onError } = ports
    const parts = { store, queue: this.queue, roster: this.roster, dispatcher: this.dispatcher }
    const isRecovering = () => config().enableAutoRecovery
    this.recovery = new Recovery(clock, random, this, isRecovering)
    this.attempts = new Attempts({
      ...parts,
      ...{ breakers: this.breakers, recovery: this.recovery, hosts, clock, onError },
    })
    this.loads = new LoadMonitor({
      sampler: ports.sampler,
      clock,
      intervalMs: () => config().sampleIntervalMs,
      stallAfterMs: () => config().stallAfterMs,
      agents: () => this.roster.all,
      happened,
      stop: (agent, task) => void this.attempts.stop(agent, task, 'stalled').catch(ports.onError),
      onError,
    })
    this.questions = new Questions({
      ...{ clock, config, happened, onError },
      stop: (agent, task, reason) => this.attempts.stop(agent, task, reason),
    })
    this.explainer = new Explainer(store, clock, this.roster, this.placement)
    this.health = new HealthMonitor(
      clock,
      () => config().healthCheckIntervalMs,
      () => this.roster.all,
      (event) => this.#happened(event),
    )
    this.system = new SystemMetrics({
      clock,
      intervalMs: () => config().healthCheckIntervalMs,
      status: () => this.count(),
      agents: () => this.roster.all,
      happened,
    })
    this.notifier = new Notifier({
      ...{ store, clock, random, onError, courier: ports.courier },
      rules: ports.notifications,
      retryMs: () => config().notificationRetryMs,
    })
    // By the store itself: whoever else listens to the log cannot keep it from being told.
    store.onCommitted((events) => this.notifier.happened(events))
  }

  /** How many agents and tasks are in each state. */
  count(): Pick<SquadStatus, 'agents' | 'tasks'> {
    const agents: SquadStatus['agents'] = { total: 0 }
    for (const { state } of this.roster.all) {
      agents.total += 1
      agents[state] = (agents[state] ?? 0) + 1
    }
    return { agents, tasks: this.#store.taskCounts() }
  }

  /** Ends every timer; what runs goes on. */
  stopTimers(): void {
    this.dispatcher.stop()
    this.health.stop()
    this.system.stop()
    this.notifier.stop()
    this.loads.stop()
    this.recovery.close()
    this.breakers.close()
    this.placement.close()
  }

  #owner(): AgentOwner<SupervisedAgent> {
    const { onError } = this.#ports
    return {
      verdict: (agent, verdict) => void this.attempts.record(agent, verdict).catch(onError),
      free: (agent) => {
        if (agent.record.goal !== 'up') this.orders.reach(agent).catch(onError)
        // Where the number of tasks is limited, its place may be another's.
        this.dispatcher.wake()
      },
      vacated: () => this.dispatcher.wake(),
      placed: (agent, place) => this.#placed(agent, place),
      gaveUp: (agent, reason, task) =>
        void this.attempts.gaveUp(agent, reason, task).catch(onError),
      lost: (agent, task, reason) => void this.attempts.lost(agent, task, reason).catch(onError),
      named: (agent, conversation) => void this.#named(agent, conversation).catch(onError),
      asks: (agent, question) => this.questions.asked(agent, question),
      said: (agent, line) => this.#ports.onHostLine(agent.id, line),
      happened: (event) => this.#happened(event),
      breaker: (agent) => this.breakers.ofAgent(agent.id).kind,
    }
  }

  async #placed(agent: SupervisedAgent, { path, ownsBranch }: WorktreeState): Promise<void> {
    const { record } = agent
    if (record.worktree === path && record.ownsBranch === ownsBranch) return
    const patch = { worktree: path, ownsBranch }
    agent.record = await this.#store.updateAgent(agent.id, patch, [], this.#ports.clock.now())
  }

  async #named(agent: SupervisedAgent, conversation: string | null): Promise<void> {
    const now = this.#ports.clock.now()
    agent.record = await this.#store.updateAgent(agent.id, { conversation }, [], now)
  }

  #happened(event: NewEvent): void {
    this.#store.append([event], this.#ports.clock.now()).catch(this.#ports.onError)
  }
}
