import type { AgentGoals } from './agent-goals.ts'
import { placeOf } from './agent-goals.ts'
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

/** All agents of the squad: who is there, and how one comes and goes. */
export class Roster {
  readonly #ports: RosterPorts
  readonly #owner: AgentOwner<SupervisedAgent>
  readonly #goals: AgentGoals
  readonly #clock: Clock
  readonly #agents = new Map<string, SupervisedAgent>()
  readonly #restoration = new Restoration()
  readonly #changes = new OneAtATime()

  constructor(ports: RosterPorts, owner: AgentOwner<SupervisedAgent>, goals: AgentGoals) {
    this.#ports = ports
    this.#owner = owner
    this.#goals = goals
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
    return this.alone(id, 'added', async () => {
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
    return this.alone(id, 'handed over', async () => {
      await this.#ports.store.removeAgent(id, [], this.#clock.now())
      this.#agents.delete(id)
    })
  }

  /** Adds an agent and brings it up. When that fails nothing of it is left. */
  async add(input: AgentInput): Promise<SupervisedAgent> {
    const spec = createAgent(input)
    return this.alone(spec.id, 'added', async () => {
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

  async #discard(agent: SupervisedAgent): Promise<void> {
    await agent.end('stop', 'could not be added')
    await this.#ports.worktrees
      .remove(agent.record.spec, placeOf(agent.record), { keepBranch: false })
      .catch(() => {})
    await this.forget(agent, [])
  }

  /** Takes away what is left of an agent, and its record. */
  async forget(agent: SupervisedAgent, events: readonly NewEvent[]): Promise<void> {
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

  /** One change of an agent at a time, and none before it has been taken up. Throws SQUADD_CONFLICT. */
  async alone<T>(id: string, doing: string, work: () => Promise<T>): Promise<T> {
    await this.#restoration.until(id)
    return this.#changes.run(id, doing, work)
  }
}
