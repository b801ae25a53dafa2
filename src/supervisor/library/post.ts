import type { AgentView } from '../domain/agent.ts'
import { SquadError } from '../domain/error.ts'
import type { Task, TaskInput, TaskResult } from '../domain/task.ts'
import { isEnded, taskStates } from '../domain/task.ts'
import type { SupervisedAgent } from '../supervised-agent.ts'
import type { Supervisor } from '../supervisor.ts'
import { keepAlive } from './keep-alive.ts'
import { resultOf } from './task-handle.ts'
import type { Workplace } from './workplace.ts'

/** Where an agent works: in a workplace of its own at first, or in that of an orchestrator. */
export class Post {
  readonly agent: SupervisedAgent
  #place: Workplace
  #isAlone: boolean
  /** A prompt or a move is under way. */
  #isTaken = false
  #dissolving: Promise<string | null> | null = null

  constructor(place: Workplace, id: string, isAlone: boolean) {
    this.agent = place.squad.agent(id)
    this.#place = place
    this.#isAlone = isAlone
  }

  get place(): Workplace {
    return this.#place
  }

  /** Its name where it works. */
  get id(): string {
    return this.agent.id
  }

  /** Runs a task on this agent and no other, through the queue. */
  async run(input: TaskInput): Promise<TaskResult> {
    const place = this.#place
    const task: TaskInput = { ...input, affinity: [this.id], affinityMode: 'required' }
    const id = await place.submit(task)
    return resultOf(await keepAlive(place.settled(id)))
  }

  /** The same for one that works alone; refuses while it is busy. */
  prompt(input: TaskInput): Promise<TaskResult> {
    return this.#alone(async () => {
      const result = await this.run(input)
      await keepAlive(this.agent.untilFree().catch(() => {}))
      return result
    })
  }

  pause(how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    return this.#place.change(() => this.#place.squad.pauseAgent(this.id, how))
  }

  resume(): Promise<AgentView> {
    const { squad } = this.#place
    return this.#place.change(() =>
      this.agent.state === 'failed' ? squad.resetAgent(this.id) : squad.resumeAgent(this.id),
    )
  }

  stop(): Promise<AgentView> {
    return this.#place.change(() => this.#place.squad.stopAgent(this.id))
  }

  /** Goes over to an orchestrator under the name `id`. */
  moveTo(place: Workplace, id: string): Promise<void> {
    return this.#alone(async () => {
      const own = this.#place
      const before = this.id
      if (openTasks(own.squad).length > 0) throw this.#busy()
      await place.squad.adopt(id, this.agent)
      place.lodge(id, own.home)
      this.#place = place
      this.#isAlone = false
      await own.squad.handOver(before)
      await own.shutdown(0)
    })
  }

  /** Ends an agent that works alone, and its workplace. */
  dissolve(keepBranch: boolean): Promise<string | null> {
    if (!this.#isAlone)
      return this.#isGone ? Promise.resolve(null) : Promise.reject(this.#engaged())
    this.#dissolving ??= this.#dissolve(keepBranch).catch((error: unknown) => {
      this.#dissolving = null
      throw error
    })
    return this.#dissolving
  }

  async #dissolve(keepBranch: boolean): Promise<string | null> {
    const place = this.#place
    const { squad } = place
    const { rescueRef } = await place.change(async () => {
      await Promise.all(openTasks(squad).map(({ id }) => squad.cancelTask(id)))
      return place.remove(this.id, keepBranch)
    })
    await place.shutdown(0)
    return rescueRef
  }

  /** The orchestrator has removed it. */
  get #isGone(): boolean {
    try {
      return this.#place.squad.agent(this.id) !== this.agent
    } catch {
      return true
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isAlone) throw this.#engaged()
    if (this.#isTaken || !this.agent.isFree) throw this.#busy()
    this.#isTaken = true
    try {
      return await work()
    } finally {
      this.#isTaken = false
    }
  }

  #busy(): SquadError {
    const state = this.agent.isFree ? 'busy' : this.agent.state
    return new SquadError('SQUADD_CONFLICT', `instance ${this.id} is ${state}`, {
      hint: 'wait until it is idle; an orchestrator queues tasks',
    })
  }

  #engaged(): SquadError {
    return new SquadError('SQUADD_CONFLICT', `instance ${this.id} works for an orchestrator`, {
      hint: 'use what the orchestrator offers: distributeTask, executeTask, removeAgent',
    })
  }
}

const openTasks = (squad: Supervisor): Task[] =>
  taskStates.filter((state) => !isEnded(state)).flatMap((state) => squad.tasks({ state }))
