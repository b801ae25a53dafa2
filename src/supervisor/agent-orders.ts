import type { AgentGoals } from './agent-goals.ts'
import { placeOf } from './agent-goals.ts'
import { SquadError } from './domain/error.ts'
import type { Worktrees } from './domain/ports.ts'
import type { Roster } from './roster.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** What a person asks of an agent that is there. */
export class AgentOrders {
  readonly #roster: Roster
  readonly #goals: AgentGoals
  readonly #worktrees: Worktrees

  constructor(roster: Roster, goals: AgentGoals, worktrees: Worktrees) {
    this.#roster = roster
    this.#goals = goals
    this.#worktrees = worktrees
  }

  /**
   * Takes no more tasks. The running one is finished first, or with `now` given back to the queue;
   * `release` then lets tmux and worktree go too, the work in progress committed on the branch.
   */
  pause(id: string, { now = false, release = false } = {}): Promise<SupervisedAgent> {
    return this.#roster.alone(id, 'paused', async () => {
      const agent = this.#roster.get(id)
      if (agent.state === 'stopped' || agent.state === 'failed') throw wrongState(agent, 'pause')
      // Asked again it does what an error kept it from.
      if (agent.record.goal === 'released') return this.#goals.reach(agent).then(() => agent)
      const goal = release ? 'released' : 'paused'
      await this.#goals.aim(agent, goal, { type: 'AgentPaused', data: { released: release } })
      if (agent.currentTask && !now) return agent
      await this.#goals.free(agent)
      await this.#goals.reach(agent)
      return agent
    })
  }

  /** A paused, released or stopped agent works again. */
  resume(id: string): Promise<SupervisedAgent> {
    return this.#roster.alone(id, 'resumed', async () => {
      const agent = this.#roster.get(id)
      if (agent.record.goal === 'up') return agent
      if (agent.state === 'failed') throw wrongState(agent, 'resume')
      await this.#goals.aim(agent, 'up', { type: 'AgentResumed' })
      // What its goal before asked for may have begun just now, when its task ended.
      await this.#goals.reaching(id)
      if (agent.state === 'starting') await agent.untilReady()
      else if (!agent.hasHost) await this.#goals.bringUp(agent)
      else if (agent.state === 'paused') agent.resume()
      return agent
    })
  }

  /** Ends its program, tmux and host; its task goes back to the queue. The worktree stays. */
  stop(id: string): Promise<SupervisedAgent> {
    return this.#roster.alone(id, 'stopped', () => this.#stop(this.#roster.get(id)))
  }

  /** `fresh`: its program begins a new conversation. */
  restart(id: string, { fresh = false } = {}): Promise<SupervisedAgent> {
    return this.#roster.alone(id, 'restarted', async () => {
      const agent = await this.#stop(this.#roster.get(id))
      const patch = { failure: null, ...(fresh ? { conversation: null } : {}) }
      await this.#goals.aim(agent, 'up', { type: 'AgentResumed' }, patch)
      await this.#goals.bringUp(agent)
      return agent
    })
  }

  /** The way out of `failed`. */
  reset(id: string): Promise<SupervisedAgent> {
    return this.#roster.alone(id, 'reset', async () => {
      const agent = this.#roster.get(id)
      if (agent.state !== 'failed') throw wrongState(agent, 'reset')
      await this.#goals.aim(agent, 'up', undefined, { failure: null })
      await this.#goals.bringUp(agent)
      return agent
    })
  }

  /** Removes it. Unsaved work and unreachable commits are kept: the answer names their ref. */
  remove(id: string, keepBranch: boolean): Promise<string | null> {
    return this.#roster.alone(id, 'removed', async () => {
      const agent = this.#roster.get(id)
      const { record } = agent
      const isReleased = record.goal === 'released'
      await this.#stop(agent)
      const rescueRef =
        isReleased && keepBranch
          ? null
          : await this.#worktrees.remove(record.spec, placeOf(agent.record), { keepBranch })
      await this.#roster.forget(agent, [{ type: 'AgentRemoved', agentId: id, data: { rescueRef } }])
      return rescueRef
    })
  }

  /** It has no task: does what its goal asks. */
  reach(agent: SupervisedAgent): Promise<void> {
    return this.#goals.reach(agent)
  }

  /** Ends an agent for now: its goal stays, so that it comes back with the next start. */
  async halt(agent: SupervisedAgent): Promise<void> {
    await this.#goals.free(agent)
    await agent.end('stop', 'the squad was stopped')
  }

  async #stop(agent: SupervisedAgent): Promise<SupervisedAgent> {
    await this.#goals.aim(agent, 'stopped', undefined, { failure: null })
    await this.#goals.free(agent)
    await this.#goals.reach(agent)
    return agent
  }
}

function wrongState(agent: SupervisedAgent, verb: string): SquadError {
  const { state, reason } = agent
  const way =
    state === 'failed' ? `squadd agent reset ${agent.id}` : `squadd agent resume ${agent.id}`
  return new SquadError(
    'SQUADD_CONFLICT',
    `agent ${agent.id} is ${state} (${reason}): cannot ${verb}`,
    {
      hint: `use ${way}`,
    },
  )
}
