import type { AgentPorts } from './agent-owner.ts'
import type { AgentGoal, AgentRecord } from './domain/agent.ts'
import type { NewEvent } from './domain/event.ts'
import type { AgentPatch, Store, WorktreeState } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

/** Makes a running attempt stop, durably. */
export type StopTask = (agent: SupervisedAgent, task: Task) => Promise<void>

/** What each agent should be doing, and how it gets there. */
export class AgentGoals {
  readonly #ports: AgentPorts & { store: Store }
  readonly #interrupt: StopTask
  readonly #reaching = new Map<string, { goal: AgentGoal; work: Promise<void> }>()

  constructor(ports: AgentPorts & { store: Store }, interrupt: StopTask) {
    this.#ports = ports
    this.#interrupt = interrupt
  }

  /** Sets the goal, durably. */
  async aim(
    agent: SupervisedAgent,
    goal: AgentGoal,
    event?: Omit<NewEvent, 'agentId'>,
    patch: AgentPatch = {},
  ): Promise<void> {
    const events = event ? [{ ...event, agentId: agent.id }] : []
    const { store } = this.#ports
    agent.record = await store.updateAgent(
      agent.id,
      { ...patch, goal },
      events,
      this.#ports.clock.now(),
    )
  }

  /** Does what the goal of an agent asks for, now that no task is in the way. */
  reach(agent: SupervisedAgent): Promise<void> {
    const { goal } = agent.record
    const going = this.#reaching.get(agent.id)
    if (going) return going.goal === goal ? going.work : going.work.then(() => this.reach(agent))
    const work = this.#reach(agent).finally(() => this.#reaching.delete(agent.id))
    this.#reaching.set(agent.id, { goal, work })
    return work
  }

  /** Resolves when what `reach` does for it now is done. */
  reaching(id: string): Promise<void> | undefined {
    return this.#reaching.get(id)?.work
  }

  async #reach(agent: SupervisedAgent): Promise<void> {
    const { goal, spec } = agent.record
    // One that is starting will see its goal when its host is ready, one with a task at its end.
    const isReady = agent.currentTask === null && agent.state !== 'starting'
    if (goal === 'paused' && isReady && agent.state !== 'paused') agent.pause('paused')
    if (goal !== 'released' && goal !== 'stopped') return
    await agent.end(goal === 'stopped' ? 'stop' : 'pause', goal)
    if (goal === 'released') await this.#ports.worktrees.release(spec, placeOf(agent.record))
  }

  async bringUp(agent: SupervisedAgent): Promise<void> {
    await agent.start(null)
    await agent.untilReady()
  }

  /** Interrupts its task, if it has one, and waits until that is recorded; not for ever. */
  async free(agent: SupervisedAgent): Promise<void> {
    const task = agent.currentTask
    if (!task || agent.state === 'starting') return
    await this.#interrupt(agent, task)
    const limit = new Promise<void>((resolve) =>
      this.#ports.clock.after(this.#ports.endLimitMs(), resolve),
    )
    await Promise.race([agent.untilFree().catch(() => {}), limit])
  }
}

export const placeOf = (record: AgentRecord): WorktreeState => ({
  path: record.worktree,
  branch: record.spec.branch,
  ownsBranch: record.ownsBranch,
})
