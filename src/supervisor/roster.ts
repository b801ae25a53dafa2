import type { StopTask } from './agent-goals.ts'
import { AgentGoals, placeOf } from './agent-goals.ts'
import type { AgentInput, AgentRecord, AgentSpec } from './domain/agent.ts'
import { createAgent } from './domain/agent.ts'
import { SquadError } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import type { Store } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import { checkAgentName } from './domain/names.ts'
import type { Clock } from './domain/time.ts'
import type { AgentOwner, AgentPorts } from './agent-owner.ts'
import { addRecord, removeRecord } from './agent-records.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { Restoration } from './restoration.ts'
import { SupervisedAgent } from './supervised-agent.ts'

export type RosterPorts = AgentPorts & {
  store: Store
  /** Where the worktree of an agent is to be. */
  place(agentId: string): string
  /** Throws SQUADD_BAD_CONFIG when the agent's program is not there. */
  checkProgram(spec: AgentSpec): void
}

/** All agents of the squad: who is there, what each should be doing, and how it gets there. */
export class Roster {
  readonly #ports: RosterPorts
  readonly #owner: AgentOwner<SupervisedAgent>
  readonly #goals: AgentGoals
  readonly #clock: Clock
  readonly #agents = new Map<string, SupervisedAgent>()
  readonly #restoration = new Restoration()
  readonly #changes = new OneAtATime()

  constructor(ports: RosterPorts, owner: AgentOwner<SupervisedAgent>, interrupt: StopTask) {
    this.#ports = ports
    this.#owner = owner
    this.#goals = new AgentGoals(ports, interrupt)
    this.#clock = ports.clock
  }

  /** In the order in which they were added. */
  get all(): SupervisedAgent[] {
    return [...this.#agents.values()]
  }

  /** Throws SQUADD_NOT_FOUND. */
  get(id: string): SupervisedAgent {
    const agent = this.#agents.get(id)
    if (agent) return agent
    throw new SquadError('SQUADD_NOT_FOUND', `there is no agent ${JSON.stringify(id)}`, {
      field: 'agent',
      value: id,
      hint: 'squadd agent list shows all',
    })
  }

  has(id: string): boolean {
    return this.#agents.has(id)
  }

  /**
   * Brings back what the store knows, `width` agents at a time: those that have a running task
   * adopt it. An agent that cannot come up is failed, the others go on. What is asked of an agent
   * waits until it has been taken up.
   */
  async restore(running: readonly Task[], width: number): Promise<void> {
    const byAgent = new Map(running.map((task) => [task.agent, task]))
    const agents = this.#ports.store.agents().map((record) => this.#enter(record))
    await this.#restoration.run(agents, width, (agent) =>
      this.#takeUp(agent, byAgent.get(agent.id) ?? null),
    )
  }

  /** Resolves when an agent has been taken up after a start, or will not be any more. */
  takenUp(id: string): Promise<void> {
    return this.#restoration.until(id)
  }

  /** Takes up no more agents. Resolves when none is just being taken up. */
  stopRestoring(): Promise<void> {
    return this.#restoration.stop()
  }

  async #takeUp(agent: SupervisedAgent, task: Task | null): Promise<void> {
    const { failure, goal } = agent.record
    if (failure !== null) {
      agent.rest('fail', failure)
      if (task === null) return
      // It was given up, and the end of its attempt could not be recorded any more.
      await this.#ports.hosts.clear(agent.setup())
      return this.#owner.lost(agent, task, failure)
    }
    if (task === null && (goal === 'released' || goal === 'stopped')) {
      agent.rest(goal === 'stopped' ? 'stop' : 'pause', goal)
      return this.#goals.reach(agent)
    }
    // It may have been cancelled since.
    await agent.start(task && this.#ports.store.task(task.id))
  }

  /** Takes over an agent that is up and has no task, under the name `id`. */
  adopt(id: string, agent: SupervisedAgent): Promise<void> {
    return this.#alone(id, 'added', async () => {
      this.#refuseTaken(id)
      const spec = { ...agent.record.spec, id: checkAgentName(id) }
      const added = { type: 'AgentAdded', agentId: id, data: { program: spec.program } } as const
      const record = await this.#record(spec, agent.record, [added])
      agent.join(id, this.#owner, record)
      this.#agents.set(id, agent)
      this.#owner.free(agent)
    })
  }

  /** Forgets an agent that another supervisor has taken over; what belongs to it stays. */
  handOver(id: string): Promise<void> {
    return this.#alone(id, 'handed over', async () => {
      await this.#ports.store.removeAgent(id, [], this.#clock.now())
      this.#agents.delete(id)
    })
  }

  /** Adds an agent and brings it up. When that fails nothing of it is left. */
  async add(input: AgentInput): Promise<SupervisedAgent> {
    const spec = createAgent(input)
    return this.#alone(spec.id, 'added', async () => {
      this.#refuseTaken(spec.id)
      this.#ports.checkProgram(spec)
      await this.#ports.worktrees.check(spec)
      // Checked just now: there is no such branch, so the one that will be there is ours.
      const place = { worktree: this.#ports.place(spec.id), ownsBranch: true }
      const agent = this.#enter(await this.#record(spec, place, []))
      try {
        await agent.start(null)
        await agent.untilReady()
      } catch (error) {
        await this.#discard(agent)
        throw error
      }
      this.#owner.happened({
        type: 'AgentAdded',
        agentId: spec.id,
        data: { program: spec.program, branch: spec.branch },
      })
      return agent
    })
  }

  /**
   * Takes no more tasks. The running one is finished first, or with `now` given back to the queue;
   * `release` then lets tmux and worktree go too, the work in progress committed on the branch.
   */
  pause(id: string, { now = false, release = false } = {}): Promise<SupervisedAgent> {
    return this.#alone(id, 'paused', async () => {
      const agent = this.get(id)
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
    return this.#alone(id, 'resumed', async () => {
      const agent = this.get(id)
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
    return this.#alone(id, 'stopped', () => this.#stop(this.get(id)))
  }

  /** `fresh`: its program begins a new conversation. */
  restart(id: string, { fresh = false } = {}): Promise<SupervisedAgent> {
    return this.#alone(id, 'restarted', async () => {
      const agent = await this.#stop(this.get(id))
      const patch = { failure: null, ...(fresh ? { conversation: null } : {}) }
      await this.#goals.aim(agent, 'up', { type: 'AgentResumed' }, patch)
      await this.#goals.bringUp(agent)
      return agent
    })
  }

  /** The way out of `failed`. */
  reset(id: string): Promise<SupervisedAgent> {
    return this.#alone(id, 'reset', async () => {
      const agent = this.get(id)
      if (agent.state !== 'failed') throw wrongState(agent, 'reset')
      await this.#goals.aim(agent, 'up', undefined, { failure: null })
      await this.#goals.bringUp(agent)
      return agent
    })
  }

  /** Removes it. Unsaved work and unreachable commits are kept: the answer names their ref. */
  remove(id: string, keepBranch: boolean): Promise<string | null> {
    return this.#alone(id, 'removed', async () => {
      const agent = this.get(id)
      const { record } = agent
      const isReleased = record.goal === 'released'
      await this.#stop(agent)
      const rescueRef =
        isReleased && keepBranch
          ? null
          : await this.#ports.worktrees.remove(record.spec, placeOf(agent.record), { keepBranch })
      await this.#forget(agent, [{ type: 'AgentRemoved', agentId: id, data: { rescueRef } }])
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

  /** Its state in the store was changed elsewhere (counters). */
  refresh(): void {
    for (const record of this.#ports.store.agents()) {
      const agent = this.#agents.get(record.spec.id)
      if (agent) agent.record = record
    }
  }

  #refuseTaken(id: string): void {
    if (!this.#agents.has(id)) return
    throw new SquadError('SQUADD_CONFLICT', `agent ${id} exists`, {
      field: 'name',
      value: id,
      hint: 'choose another name, or remove it first',
    })
  }

  #enter(record: AgentRecord): SupervisedAgent {
    const agent = new SupervisedAgent(record, this.#ports, this.#owner)
    this.#agents.set(agent.id, agent)
    return agent
  }

  async #stop(agent: SupervisedAgent): Promise<SupervisedAgent> {
    await this.#goals.aim(agent, 'stopped', undefined, { failure: null })
    await this.#goals.free(agent)
    await this.#goals.reach(agent)
    return agent
  }

  async #discard(agent: SupervisedAgent): Promise<void> {
    await agent.end('stop', 'could not be added')
    await this.#ports.worktrees
      .remove(agent.record.spec, placeOf(agent.record), { keepBranch: false })
      .catch(() => {})
    await this.#forget(agent, [])
  }

  async #forget(agent: SupervisedAgent, events: readonly NewEvent[]): Promise<void> {
    const { hosts, store } = this.#ports
    await hosts.clear(agent.setup())
    const gone = () => this.#agents.delete(agent.id)
    await removeRecord(store, agent.id, events, this.#clock.now(), gone)
  }

  #record(
    spec: AgentSpec,
    place: Pick<AgentRecord, 'worktree' | 'ownsBranch'>,
    events: readonly NewEvent[],
  ): Promise<AgentRecord> {
    return addRecord(this.#ports.store, spec, place, events, this.#clock.now())
  }

  async #alone<T>(id: string, doing: string, work: () => Promise<T>): Promise<T> {
    await this.#restoration.until(id)
    return this.#changes.run(id, doing, work)
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
