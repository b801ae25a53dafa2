import type { AgentState } from '../domain/agent.ts'
import { agentStates } from '../domain/agent.ts'
import { invalid, SquadError } from '../domain/error.ts'
import type { TaskInput, TaskResult } from '../domain/task.ts'
import { checkAgentName } from '../domain/names.ts'
import type { AgentStats } from './agent-facts.ts'
import { isWell, statsOf } from './agent-facts.ts'
import type { Instance } from './instance.ts'
import { postOf } from './instance.ts'
import type { Post } from './post.ts'

/** The states that a person may ask for; the others are what the agent does by itself. */
const mayBecome: Record<AgentState, readonly AgentState[]> = {
  starting: ['paused', 'stopped'],
  idle: ['paused', 'stopped'],
  running: ['paused', 'stopped'],
  waiting: ['paused', 'stopped'],
  paused: ['idle', 'stopped'],
  failed: ['idle', 'stopped'],
  stopped: ['idle'],
}

/**
 * An agent as an orchestrator's users see it: made of an instance and then added, or got from
 * `addAgent`, `getAgent`, `listAgents`. What it knows can be read at any time; after a shutdown of
 * its orchestrator everything else rejects with SQUADD_SHUTTING_DOWN.
 */
export class ManagedAgent {
  /** Its name in the orchestrator. */
  readonly id: string
  /** Its tmux session and worktree: `preview`, `diff`, `attach`. */
  readonly instance: Instance
  readonly #post: Post

  /** Throws SQUADD_INVALID for an `id` that is not a name. */
  constructor(id: string, instance: Instance) {
    this.id = checkAgentName(id, 'id')
    this.instance = instance
    this.#post = postOf(instance)
  }

  get state(): AgentState {
    return this.#post.agent.state
  }

  /**
   * Brings it into a state that a person may ask for: `idle` (resume), `paused` or `stopped`; the
   * state it is in is fine too. Throws SQUADD_CONFLICT for others, naming what is possible.
   */
  async setState(state: AgentState): Promise<void> {
    if (!agentStates.includes(state))
      throw invalid('state', state, 'is unknown', `use ${agentStates.join(', ')}`)
    const from = this.#post.place.read(() => this.state)
    if (state === from) return
    if (!mayBecome[from].includes(state))
      throw new SquadError('SQUADD_CONFLICT', `agent ${this.id} is ${from}, not to be ${state}`, {
        hint: `possible now: ${mayBecome[from].join(', ')}`,
        possible: mayBecome[from],
      })
    if (state === 'paused') await this.pause()
    else if (state === 'stopped') await this.stop()
    else await this.resume()
  }

  /** 0 (free) to 1 (taken or unfit), as it is now; CPU and memory as they were last sampled. */
  get loadScore(): number {
    return this.#post.agent.loadScore
  }

  /** Samples CPU and memory of its program's whole process tree now; resolves with the score. */
  async updateLoadScore(): Promise<number> {
    const { place } = this.#post
    await place.change(() => place.squad.sampleLoads())
    return this.loadScore
  }

  /** Not failed or stopped, its breaker not open, and nothing wrong at the last health check. */
  isHealthy(): boolean {
    return isWell(this.#post.agent)
  }

  /**
   * Asks its host for a sign of life, within 10 s, and notes when (`lastHealthCheckAt`). When
   * something is wrong it is told (`HealthCheckFailed`) and thrown: SQUADD_TIMEOUT, or
   * SQUADD_CONFLICT when there is no host.
   */
  async performHealthCheck(): Promise<void> {
    const { place, id } = this.#post
    await place.change(() => place.squad.checkAgent(id))
  }

  /**
   * Runs a task on this agent and no other, through the queue; `affinity` is not looked at. Resolves
   * as `TaskHandle.result`. Throws SQUADD_INVALID, SQUADD_QUEUE_FULL.
   */
  executeTask(input: TaskInput): Promise<TaskResult> {
    return this.#post.run(input)
  }

  /**
   * Takes no more tasks: the running one is finished first, or with `now` interrupted and given back
   * to the queue. `release` also commits work in progress on its branch, ends the session and
   * removes the worktree. Throws SQUADD_CONFLICT when it is failed or stopped.
   */
  async pause(how: { now?: boolean; release?: boolean } = {}): Promise<void> {
    await this.#post.pause(how)
  }

  /** Works again: paused or stopped it goes on, failed it is started anew. */
  async resume(): Promise<void> {
    await this.#post.resume()
  }

  /** Ends program, tmux and host; its task goes back to the queue. The worktree stays. */
  async stop(): Promise<void> {
    await this.#post.stop()
  }

  /** Throws SQUADD_SHUTTING_DOWN after a shutdown, SQUADD_NOT_FOUND when it was removed. */
  stats(): AgentStats {
    const { place, id, agent } = this.#post
    // Looks at the counters in the store.
    place.read(() => place.squad.agentView(id))
    return statsOf(agent)
  }
}
