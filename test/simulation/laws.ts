import type { AgentSpec } from '../../src/supervisor/domain/agent.ts'
import type { Config } from '../../src/supervisor/domain/config.ts'
import type { EventType, SquadEvent } from '../../src/supervisor/domain/event.ts'
import type { Cause, Outcome, Task, TaskId } from '../../src/supervisor/domain/task.ts'
import { BreakerLaw } from './breaker-law.ts'
import { RestartLaw } from './restart-law.ts'

type Live = { key: string; agent: AgentSpec }

type Ending = { outcome?: Outcome | null; cause?: Cause | null }

// An attempt that ended so is not the task's fault: it keeps its number.
const notCounted: readonly (Outcome | Cause)[] = [
  ...(['preempted', 'not_started', 'auth', 'quota', 'rate_limit', 'overloaded'] as const),
]

const endings: ReadonlySet<EventType> = new Set([
  ...(['TaskCompleted', 'TaskFailed', 'TaskCancelled', 'TaskHeld', 'TaskRetried'] as const),
])

/** What is ready in the middle of a claim. */
export type ReadyRow = { id: number; rank: number }

/**
 * What must hold whatever happens, judged from what the store has committed and from what was
 * chosen; it knows nothing of how the supervisor comes to its decisions.
 */
export class Laws {
  readonly breaches: string[] = []
  /** What has happened, and how often. */
  readonly seen = new Map<EventType, number>()
  /** Attempts that began or ended so far. */
  changes = 0
  readonly #config: () => Config
  readonly #now: () => number
  readonly #agents = new Map<string, AgentSpec>()
  readonly #tasks = new Map<TaskId, Task>()
  readonly #gone = new Set<TaskId>()
  readonly #live = new Map<TaskId, Live>()
  readonly #busy = new Map<string, TaskId>()
  readonly #fences = new Map<TaskId, number>()
  /** The number that the next attempt is to have. */
  readonly #attempts = new Map<TaskId, number>()
  readonly #breakers: BreakerLaw
  readonly #restarts: RestartLaw

  constructor(config: () => Config, now: () => number) {
    this.#config = config
    this.#now = now
    this.#breakers = new BreakerLaw(config, (text) => this.breach(text))
    this.#restarts = new RestartLaw(config, (text) => this.breach(text))
  }

  breach(text: string): void {
    if (this.breaches.length < 20) this.breaches.push(`${this.#now()}: ${text}`)
  }

  /** The supervisor was killed; the next one knows nothing of earlier restarts of hosts. */
  supervisorDied(): void {
    this.#restarts.forgiveAll()
  }

  added(spec: AgentSpec): void {
    this.#agents.set(spec.id, spec)
  }

  /** Tasks that were acknowledged. */
  get acknowledged(): ReadonlyMap<TaskId, Task> {
    return this.#tasks
  }

  submitted(tasks: readonly Task[]): void {
    for (const task of tasks) {
      this.#tasks.set(task.id, task)
      const due = task.createdAt + this.#patience(task.priority)
      const soonest = task.createdAt + this.#patience('critical')
      const rank = Math.min(due, Math.max(soonest, task.spec.deadlineAt ?? Infinity))
      if (task.rank !== rank) this.breach(`${task.id} has rank ${task.rank}, not ${rank}`)
    }
  }

  /** May this agent ever have that task? As its submitter said it. */
  mayTake(agentId: string, { spec }: Pick<Task, 'spec'>): boolean {
    const agent = this.#agents.get(agentId)
    if (!agent || !spec.require.every((label) => agent.labels.includes(label))) return false
    return spec.affinityMode !== 'required' || spec.affinity.includes(agentId)
  }

  isServable(task: Pick<Task, 'spec'>): boolean {
    return [...this.#agents.keys()].some((id) => this.mayTake(id, task))
  }

  /**
   * The order, asked within each claim: of the tasks that are ready now and that the chosen agent may
   * take, none has a lower rank, nor the same rank and a lower id. So a ready task is overtaken only
   * where it cannot go, or by tasks of lower rank; a preference for an agent never counts for more.
   */
  chosen(task: Task, agentId: string, before: readonly ReadyRow[], stored: (id: string) => Task) {
    if (!this.mayTake(agentId, task)) this.breach(`${agentId} may not take ${task.id}`)
    for (const { id, rank } of before) {
      const other = this.#tasks.get(`t${id}`) ?? stored(`t${id}`)
      if (this.mayTake(agentId, other))
        this.breach(`${agentId} got ${task.id} (${task.rank}) before ${other.id} (${rank})`)
    }
  }

  /** It failed or was cancelled, and was not begun again since. */
  readonly hasEnded = (id: TaskId): boolean => this.#gone.has(id)

  committed(events: readonly SquadEvent[]): void {
    for (const event of events) this.#judge(event)
  }

  #judge(event: SquadEvent): void {
    const { type, taskId = '', data } = event
    const scope = String(data['scope'])
    this.seen.set(type, (this.seen.get(type) ?? 0) + 1)
    if (type === 'TaskStarted') this.#started(event)
    else if (type === 'BreakerOpened') this.#breakers.opened(scope, Number(data['until']))
    else if (type === 'BreakerClosed') this.#breakers.closed(scope)
    else if (type === 'AgentRestarted') this.#restarts.restarted(event)
    else if (type === 'AgentStateChanged' && data['reason'] === 'starting')
      this.#restarts.forgive(event.agentId ?? '')
    else if (type === 'TaskReleased') {
      this.#gone.delete(taskId)
      if (data['from'] !== 'held') this.#attempts.set(taskId, 1)
    } else if (endings.has(type)) {
      if (type === 'TaskFailed' || type === 'TaskCancelled') this.#gone.add(taskId)
      this.#ended(taskId, data as Ending)
    }
  }

  #started({ taskId = '', agentId = '', data, at }: SquadEvent): void {
    const agent = this.#agents.get(agentId)
    if (!agent) return this.breach(`${taskId} was given to ${agentId}, which does not exist`)
    const fence = Number(data['fence'])
    const key = `${taskId}-${fence}`
    const lastFence = this.#fences.get(taskId) ?? 0
    if (fence !== lastFence + 1) this.breach(`${taskId} has fence ${fence} after ${lastFence}`)
    this.#fences.set(taskId, fence)
    const attempt = this.#attempts.get(taskId) ?? 1
    if (data['attempt'] !== attempt)
      this.breach(`${key} is attempt ${String(data['attempt'])}, should be ${attempt}`)
    this.#attempts.set(taskId, attempt)
    const live = this.#live.get(taskId)
    if (live) this.breach(`${key} began while ${live.key} was alive`)
    const task = this.#busy.get(agentId)
    if (task !== undefined) this.breach(`${agentId} got ${key} while it had ${task}`)
    this.changes += 1
    this.#live.set(taskId, { key, agent })
    this.#busy.set(agentId, taskId)
    this.#breakers.started(key, scopesOf(agent), at)
    this.#checkLimits(key, agent)
  }

  #checkLimits(key: string, { program, labels }: AgentSpec): void {
    const { maxConcurrentTasks, programLimits, labelLimits } = this.#config()
    const running = [...this.#live.values()]
    const check = (what: string, now: number, most = Infinity) => {
      if (now > most) this.breach(`${now} of at most ${most} ${what} with ${key}`)
    }
    check('tasks', running.length, maxConcurrentTasks)
    check(
      program,
      running.filter(({ agent }) => agent.program === program).length,
      programLimits[program],
    )
    for (const label of labels)
      check(
        label,
        running.filter(({ agent }) => agent.labels.includes(label)).length,
        labelLimits[label],
      )
  }

  #ended(taskId: TaskId, { outcome = null, cause = null }: Ending): void {
    const live = this.#live.get(taskId)
    if (!live) return
    this.changes += 1
    this.#live.delete(taskId)
    this.#busy.delete(live.agent.id)
    this.#breakers.ended(live.key, outcome)
    const isFree = notCounted.some((one) => one === outcome || one === cause)
    this.#attempts.set(taskId, this.#attempts.get(taskId)! + (isFree ? 0 : 1))
  }

  #patience(priority: Task['priority']): number {
    const config = this.#config()
    return {
      critical: config.patienceCriticalMs,
      high: config.patienceHighMs,
      normal: config.patienceNormalMs,
      low: config.patienceLowMs,
    }[priority]
  }
}

const scopesOf = ({ id, program }: AgentSpec) => [`agent:${id}`, `program:${program}`]
