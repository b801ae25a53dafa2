import type { AgentState, AgentView } from '../domain/agent.ts'
import type { TaskInput, TaskResult } from '../domain/task.ts'
import type { SupervisedAgent } from '../supervised-agent.ts'
import type { Instance } from './instance.ts'

/** Work an orchestrator does for an agent that was added to it. */
export type Employer = {
  execute(agentId: string, input: TaskInput): Promise<TaskResult>
  pause(agentId: string): Promise<unknown>
  resume(agentId: string): Promise<unknown>
  stop(agentId: string): Promise<unknown>
  view(agentId: string): AgentView
}

const probeWithinMs = 5000

/** An instance that can be given to an AgentOrchestrator, and what is known of it. */
export class ManagedAgent {
  readonly id: string
  readonly supervised: SupervisedAgent
  readonly #instance: Pick<Instance, 'sendPrompt'> | null
  #employer: Employer | null = null

  /** `id` is its name in the orchestrator. */
  constructor(id: string, instance: Pick<Instance, 'agent' | 'sendPrompt'>) {
    this.id = id
    this.#instance = instance
    this.supervised = instance.agent
  }

  /** From now on it works for this orchestrator. */
  employ(employer: Employer): void {
    this.#employer = employer
  }

  get state(): AgentState {
    return this.supervised.state
  }

  /** 0 (free) to 1 (taken or unfit). */
  get loadScore(): number {
    return this.supervised.loadScore
  }

  /** It can take or has a task: neither failed nor stopped. */
  isHealthy(): boolean {
    return this.state !== 'failed' && this.state !== 'stopped'
  }

  /** Asks its host for a sign of life. Throws SQUADD_TIMEOUT when it hangs. */
  async performHealthCheck(): Promise<void> {
    await this.supervised.probe(probeWithinMs)
  }

  /** Runs a task on this agent and no other; through the queue when it has an orchestrator. */
  executeTask(input: TaskInput): Promise<TaskResult> {
    if (this.#employer) return this.#employer.execute(this.id, input)
    const { prompt, ...options } = input
    return this.#instance!.sendPrompt(prompt, options)
  }

  /** Takes no more tasks once the running one has ended. */
  async pause(): Promise<void> {
    if (this.#employer) await this.#employer.pause(this.id)
    else this.supervised.pause('paused')
  }

  async resume(): Promise<void> {
    if (this.#employer) await this.#employer.resume(this.id)
    else this.supervised.resume()
  }

  /** Ends its program and tmux; the worktree stays. */
  async stop(): Promise<void> {
    if (this.#employer) await this.#employer.stop(this.id)
    else await this.supervised.end('stop', 'stopped')
  }

  stats(): AgentView {
    return this.#employer ? this.#employer.view(this.id) : this.supervised.view()
  }
}
