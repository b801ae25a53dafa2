import type { AgentView } from '../domain/agent.ts'
import { SquadError } from '../domain/error.ts'
import type { TaskInput, TaskResult } from '../domain/task.ts'
import { isEnded, taskStates } from '../domain/task.ts'
import type { SupervisedAgent } from '../supervised-agent.ts'
import { keepAlive } from './keep-alive.ts'
import { resultOf } from './task-handle.ts'
import type { Workplace } from './workplace.ts'

/** Where an agent works: in a workplace of its own at first, or in that of an orchestrator. */
export class Post {
  readonly agent: SupervisedAgent
  #place: Workplace
  #isAlone: boolean
  /** What asks something of the agent now; while it does, the agent cannot move. */
  #calls = 0
  #isPrompted = false
  #moving: Promise<void> | null = null
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
  run(input: TaskInput): Promise<TaskResult> {
    return this.#call(async (place) => {
      const task: TaskInput = { ...input, affinity: [this.id], affinityMode: 'required' }
      const id = await place.submit(task)
      return resultOf(await keepAlive(place.settled(id)))
    })
  }

  /** The same for one that works alone; refuses while it is busy. */
  async prompt(input: TaskInput): Promise<TaskResult> {
    if (!this.#isAlone || this.#moving) throw this.#engaged()
    if (this.#isPrompted || !this.agent.isFree) throw this.#busy()
    this.#isPrompted = true
    try {
      const result = await this.run(input)
      await keepAlive(this.#tidied())
      return result
    } finally {
      this.#isPrompted = false
    }
  }

  pause(how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    return this.#change(async ({ squad }) => {
      await this.#tidied()
      return squad.pauseAgent(this.id, how)
    })
  }

  /** One that failed is started anew. */
  resume(): Promise<AgentView> {
    return this.#change(({ squad }) =>
      this.agent.state === 'failed' ? squad.resetAgent(this.id) : squad.resumeAgent(this.id),
    )
  }

  stop(): Promise<AgentView> {
    return this.#change(({ squad }) => squad.stopAgent(this.id))
  }

  /** Goes over to an orchestrator under the name `id`. */
  async moveTo(place: Workplace, id: string): Promise<void> {
    if (!this.#isAlone || this.#moving) throw this.#engaged()
    if (this.#calls > 0) throw this.#busy()
    this.#moving = this.#move(place, id).finally(() => (this.#moving = null))
    await this.#moving
  }

  async #move(place: Workplace, id: string): Promise<void> {
    const own = this.#place
    const before = this.id
    await this.#tidied()
    if (!this.agent.isFree) throw this.#busy()
    await place.squad.adopt(id, this.agent)
    place.lodge(id, own.home)
    this.#place = place
    this.#isAlone = false
    await own.squad.handOver(before)
    await own.shutdown(0)
  }

  /** Ends an agent that works alone, and its workplace. */
  async dissolve(keepBranch: boolean): Promise<string | null> {
    await this.#moving?.catch(() => {})
    if (!this.#isAlone && this.#isGone) return null
    if (!this.#isAlone) throw this.#engaged()
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
      const answer = await place.remove(this.id, keepBranch)
      const open = taskStates
        .filter((state) => !isEnded(state))
        .flatMap((state) => squad.tasks({ state }))
      await Promise.all(open.map(({ id }) => squad.cancelTask(id)))
      return answer
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

  #change<T>(work: (place: Workplace) => Promise<T>): Promise<T> {
    return this.#call((place) => place.change(() => work(place)))
  }

  async #call<T>(work: (place: Workplace) => Promise<T>): Promise<T> {
    while (this.#moving) await this.#moving.catch(() => {})
    this.#calls += 1
    try {
      return await work(this.#place)
    } finally {
      this.#calls -= 1
    }
  }

  /** What is left of a task whose result is known goes first: that takes a moment. */
  async #tidied(): Promise<void> {
    if (this.agent.isStopping) await this.agent.untilFree().catch(() => {})
  }

  #busy(): SquadError {
    const { state } = this.agent
    const isWorking = state === 'idle' || state === 'running'
    return new SquadError(
      'SQUADD_CONFLICT',
      `instance ${this.id} is ${isWorking ? 'busy' : state}`,
      {
        hint: isWorking
          ? 'wait for its task; an orchestrator queues tasks'
          : 'only an idle one can',
      },
    )
  }

  #engaged(): SquadError {
    return new SquadError('SQUADD_CONFLICT', `instance ${this.id} works for an orchestrator`, {
      hint: 'use what the orchestrator offers: distributeTask, executeTask, removeAgent',
    })
  }
}
