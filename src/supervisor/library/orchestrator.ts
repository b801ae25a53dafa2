import type { AgentInput, AgentView } from '../domain/agent.ts'
import type { Config } from '../domain/config.ts'
import { configTable, nearest, parseConfig } from '../domain/config.ts'
import { invalid, SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import type { TaskFilter } from '../domain/ports.ts'
import type { Task, TaskId, TaskInput } from '../domain/task.ts'
import { taskStates } from '../domain/task.ts'
import type { AgentStats } from './agent-facts.ts'
import { checkAgentInput } from './check-input.ts'
import type { EventOptions } from './event-feed.ts'
import { eventFeed } from './event-feed.ts'
import { instanceAt, postOf } from './instance.ts'
import { ManagedAgent } from './managed-agent.ts'
import { Post } from './post.ts'
import type { ShutdownReport } from './shut-down.ts'
import { checkTimeout } from './shut-down.ts'
import type { SquadMetrics } from './squad-metrics.ts'
import { metricsOf } from './squad-metrics.ts'
import type { TaskHandle } from './task-handle.ts'
import { taskHandle } from './task-handle.ts'
import { Workplace } from './workplace.ts'

/** The settings of the daemon (`configTable`: each with default and bounds), and where things are. */
export type OrchestratorOptions = Partial<Config> & {
  /** A folder that keeps queue, agents and worktrees over restarts. Default: nothing is kept. */
  home?: string
  /** The file that keeps the queue, or `:memory:`. Default: in `home`, without one `:memory:`. */
  store?: string
}

const libraryDefaults: Partial<Config> = { taskQueueSize: 100 }

/**
 * Runs tasks on a set of agents inside this process: the daemon's own core, with its queue, breakers,
 * health checks and recovery. Calls may come concurrently. With `home` everything outlives the
 * process: a new orchestrator on the same home brings agents back and goes on with the tasks.
 *
 * It keeps the process alive only while somebody waits for an answer. End it with `shutdown`; after
 * that every call throws SQUADD_SHUTTING_DOWN.
 */
export class AgentOrchestrator {
  readonly #place: Workplace
  readonly #agents = new Map<string, ManagedAgent>()

  /**
   * Throws SQUADD_BAD_CONFIG for an option that is unknown or out of range, SQUADD_ALREADY_RUNNING
   * when another orchestrator or daemon uses the home, SQUADD_STORE_CORRUPT.
   */
  constructor(options: OrchestratorOptions = {}) {
    const { home, store, ...settings } = checkOptions(options)
    this.#place = new Workplace({
      name: 'the orchestrator',
      config: parseConfig({ ...libraryDefaults, ...settings }),
      ...(home === undefined ? {} : { home }),
      ...(store === undefined ? {} : { store }),
    })
  }

  /**
   * Adds an agent and resolves when it is ready: one made of an instance, or a new one, whose
   * worktree then lies in the home. Throws SQUADD_INVALID, SQUADD_GIT, SQUADD_CONFLICT (the name is
   * taken, or the instance busy); then nothing has changed.
   */
  async addAgent(agent: ManagedAgent | AgentInput): Promise<ManagedAgent> {
    const place = this.#place
    if (agent instanceof ManagedAgent) {
      await place.change(() => postOf(agent.instance).moveTo(place, agent.id))
      this.#agents.set(agent.id, agent)
      return agent
    }
    const input = checkAgentInput(agent)
    await place.change(() => place.squad.addAgent(input))
    return this.getAgent(input.id)
  }

  /**
   * Ends an agent; its task goes back to the queue. Worktree and branch are removed (`keepBranch`:
   * not the branch); work that would be lost is kept under `rescueRef`. Throws SQUADD_NOT_FOUND,
   * SQUADD_GIT.
   */
  async removeAgent(
    id: string,
    { keepBranch = false } = {},
  ): Promise<{ rescueRef: string | null }> {
    const answer = await this.#place.change(() => this.#place.remove(id, keepBranch))
    this.#agents.delete(id)
    return answer
  }

  /** Throws SQUADD_NOT_FOUND. */
  getAgent(id: string): ManagedAgent {
    const place = this.#place
    const agent = place.read(() => place.squad.agent(id))
    const known = this.#agents.get(id)
    if (known && postOf(known.instance).agent === agent) return known
    const found = new ManagedAgent(id, instanceAt(id, new Post(place, id, false)))
    this.#agents.set(id, found)
    return found
  }

  /** All agents, in the order in which they were added. */
  listAgents(): ManagedAgent[] {
    const { squad } = this.#place
    return this.#place.read(() => squad.agentViews()).map(({ id }) => this.getAgent(id))
  }

  /**
   * Puts a task into the queue; resolves with a handle once it is stored (with a `home`: on the disk).
   * It runs when its turn has come and an agent that may take it is idle. Throws SQUADD_INVALID,
   * SQUADD_TOO_LARGE, SQUADD_QUEUE_FULL (more than `taskQueueSize`, default 100, would wait).
   */
  async distributeTask(input: TaskInput): Promise<TaskHandle> {
    return taskHandle(await this.#place.submit(input), this.#place)
  }

  /** A task that was given out before, also by an earlier orchestrator. Throws SQUADD_NOT_FOUND. */
  getTask(id: TaskId): TaskHandle {
    this.#place.read(() => this.#place.squad.task(id))
    return taskHandle(id, this.#place)
  }

  /** The newest tasks first, at most `limit` (100). Throws SQUADD_INVALID. */
  listTasks(filter: TaskFilter = {}): Task[] {
    if (filter.state !== undefined && !taskStates.includes(filter.state))
      throw invalid('state', filter.state, 'is unknown', `use ${taskStates.join(', ')}`)
    return this.#place.read(() => this.#place.squad.tasks(filter))
  }

  /** As `ManagedAgent.pause`; also throws SQUADD_NOT_FOUND. */
  async pauseAgent(id: string, how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    return postOf(this.getAgent(id).instance).pause(how)
  }

  /** As `ManagedAgent.resume`; also throws SQUADD_NOT_FOUND. */
  async resumeAgent(id: string): Promise<AgentView> {
    return postOf(this.getAgent(id).instance).resume()
  }

  getMetrics(): SquadMetrics {
    return this.#place.read(() => metricsOf(this.#place))
  }

  /** Throws SQUADD_NOT_FOUND. */
  getAgentStats(id: string): AgentStats {
    return this.getAgent(id).stats()
  }

  /**
   * Events from this call on, or all that are stored after number `since`. A reader that is slow has
   * a buffer of `bufferSize` (default `eventBufferSize`, 100); what does not fit is dropped, and an
   * `EventsDropped` in its place names the numbers `from` to `to`: `events({ since: from - 1 })`
   * reads them again. Ends with `signal`, `break` and `shutdown`. Throws SQUADD_INVALID.
   */
  events(options: EventOptions = {}): AsyncIterableIterator<SquadEvent, undefined> {
    const { squad, config, closed } = this.#place
    const bufferSize = options.bufferSize ?? config.eventBufferSize
    return this.#place.read(() => eventFeed(squad.eventLog, { ...options, bufferSize }, closed))
  }

  /**
   * Takes no more work, lets running tasks finish within `timeoutMs` (default 30 s), then interrupts
   * them (they go back to the queue) and ends all agents, which takes `stopGraceMs` and 10 s at most.
   * With a `home` agents and worktrees wait there for the next orchestrator; without, worktrees are
   * removed: branches with commits stay, unsaved work is kept (`rescued`). Never hides an error:
   * `unstopped` has those of all agents. Asked again it answers the same.
   */
  async shutdown(timeoutMs = 30_000): Promise<ShutdownReport> {
    return this.#place.shutdown(checkTimeout(timeoutMs))
  }
}

function checkOptions(options: OrchestratorOptions): OrchestratorOptions {
  const names = [...Object.keys(configTable), 'home', 'store']
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!names.includes(name))
      throw new SquadError('SQUADD_BAD_CONFIG', `${name} is not an option`, {
        field: name,
        hint: `did you mean ${nearest(name, names)}?`,
      })
    if ((name === 'home' || name === 'store') && (typeof value !== 'string' || value === ''))
      throw new SquadError('SQUADD_BAD_CONFIG', `${name} ${JSON.stringify(value)} is not a path`, {
        field: name,
        value,
        hint: 'name a folder',
      })
  }
  return Object.fromEntries(given)
}
