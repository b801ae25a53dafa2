import type { Assembly } from '../assembly.ts'
import { assemble } from '../assembly.ts'
import type { AgentInput, AgentView } from '../domain/agent.ts'
import type { Config } from '../domain/config.ts'
import { parseConfig } from '../domain/config.ts'
import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import type { Task, TaskId, TaskInput, TaskResult } from '../domain/task.ts'
import { isEnded } from '../domain/task.ts'
import { prepareHome, resolveHome } from '../home.ts'
import type { Lock } from '../store/lock.ts'
import { takeLock } from '../store/lock.ts'
import { version } from '../version.ts'
import { ManagedAgent } from './managed-agent.ts'
import { processHome } from './workshop.ts'

export type OrchestratorOptions = Partial<Config> & {
  /** Where the queue and the agents are kept; default: nothing outlives the process. */
  home?: string
}

/** A task that was given to an orchestrator. */
export type TaskHandle = {
  id: TaskId
  /** Resolves when the task has ended, with success or without. */
  result: Promise<TaskResult>
  /** The task as it is now. */
  task(): Task
  cancel(): Promise<void>
}

const libraryQueueSize = 100

/** Runs tasks on a set of agents inside this process; with `home` the queue survives it. */
export class AgentOrchestrator {
  readonly #assembly: Assembly
  readonly #lock: Lock | null
  readonly #agents = new Map<string, ManagedAgent>()
  readonly #started: Promise<void>

  /** Throws SQUADD_BAD_CONFIG, and SQUADD_ALREADY_RUNNING when the home is in use. */
  constructor({ home, ...settings }: OrchestratorOptions = {}) {
    const config = parseConfig({ taskQueueSize: libraryQueueSize, ...settings })
    const place = home === undefined ? processHome() : resolveHome({ home, env: process.env })
    prepareHome(place)
    this.#lock = home === undefined ? null : takeLock(place.lockFile)
    if (home !== undefined && !this.#lock)
      throw new SquadError('SQUADD_ALREADY_RUNNING', `another process uses ${place.root}`, {
        hint: 'choose another home',
      })
    this.#assembly = assemble({
      home: place,
      ...(home === undefined ? { storeFile: ':memory:' } : {}),
      config: () => config,
      env: process.env,
      version,
      onError: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    })
    this.#started = this.#assembly.squad.start()
    this.#started.catch(() => {})
  }

  /** Adds an agent: one that was started as an Instance, or a new one. */
  async addAgent(agent: ManagedAgent | AgentInput): Promise<ManagedAgent> {
    const { squad } = this.#assembly
    await this.#started
    if (!(agent instanceof ManagedAgent)) {
      await squad.addAgent(agent)
      return this.getAgent(agent.id)
    }
    await squad.adopt(agent.id, agent.supervised)
    return this.#employ(agent)
  }

  /** Ends it and removes its worktree; unsaved work is kept (`rescueRef`). */
  async removeAgent(id: string): Promise<{ rescueRef: string | null }> {
    const answer = await this.#assembly.squad.removeAgent(id)
    this.#agents.delete(id)
    return answer
  }

  /** Throws SQUADD_NOT_FOUND. */
  getAgent(id: string): ManagedAgent {
    const known = this.#agents.get(id)
    if (known) return known
    const agent = this.#assembly.squad.agent(id)
    const sendPrompt = () => Promise.reject(new Error('it works for an orchestrator'))
    return this.#employ(new ManagedAgent(id, { agent, sendPrompt }))
  }

  listAgents(): ManagedAgent[] {
    return this.#assembly.squad.agentViews().map(({ id }) => this.getAgent(id))
  }

  /** Resolves with a handle once the task is stored. Throws SQUADD_INVALID, SQUADD_QUEUE_FULL. */
  async distributeTask(input: TaskInput): Promise<TaskHandle> {
    await this.#started
    const [task] = await this.#assembly.squad.submit([input])
    return this.#handle(task!.id)
  }

  pauseAgent(id: string, how: { now?: boolean; release?: boolean } = {}): Promise<AgentView> {
    return this.#assembly.squad.pauseAgent(id, how)
  }

  resumeAgent(id: string): Promise<AgentView> {
    return this.#assembly.squad.resumeAgent(id)
  }

  /** Events from now on, or after number `since`. */
  events(how: { since?: number; signal?: AbortSignal } = {}): AsyncIterable<SquadEvent> {
    return this.#assembly.squad.events(how)
  }

  /**
   * Ends all agents (their tasks go back to the queue, worktrees and branches stay with a `home`).
   * Tells who did not stop within `timeoutMs` and why.
   */
  async shutdown(timeoutMs = 30_000): Promise<{ unstopped: { name: string; error: string }[] }> {
    const { squad, store } = this.#assembly
    await this.#started
    const report = await squad.shutdown({ stopAgents: true, timeoutMs })
    await store.close()
    this.#lock?.release()
    return report
  }

  #handle(id: TaskId): TaskHandle {
    const { squad } = this.#assembly
    return {
      id,
      result: squad.waitTask(id, {}, (task) => isEnded(task.state)).then(resultOf),
      task: () => squad.task(id),
      cancel: async () => void (await squad.cancelTask(id)),
    }
  }

  #employ(agent: ManagedAgent): ManagedAgent {
    const { squad } = this.#assembly
    agent.employ({
      execute: async (id, input) => {
        const only = { affinity: [id], affinityMode: 'required' as const }
        return (await this.distributeTask({ ...input, ...only })).result
      },
      pause: (id) => squad.pauseAgent(id),
      resume: (id) => squad.resumeAgent(id),
      stop: (id) => squad.stopAgent(id),
      view: (id) => squad.agentView(id),
    })
    this.#agents.set(agent.id, agent)
    return agent
  }
}

/** A task that was cancelled before it ran has no result of its own. */
function resultOf(task: Task): TaskResult {
  const at = task.endedAt ?? task.createdAt
  return (
    task.result ?? {
      success: false,
      output: '',
      error: task.reason ?? task.state,
      durationMs: 0,
      completedAt: at,
      evidence: [{ source: 'queue', at, detail: task.reason ?? task.state }],
      usage: null,
      git: null,
    }
  )
}
