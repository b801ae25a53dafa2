import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { AgentInput, AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Client } from '../../src/supervisor/api/client.ts'
import { connect } from '../../src/supervisor/api/client.ts'
import { Squadd } from '../support/squadd.ts'
import { packagedBin } from './package.ts'

// As many agents are added at the same time; what starts one is CPU more than anything.
const width = 4

/**
 * A daemon of the package on a scratch home, asked over its socket: a command costs more than what it
 * measures.
 */
export class BenchSquad extends Squadd {
  client: Client
  daemonPid = 0

  private constructor(settings: Record<string, unknown>, bin: string) {
    super({}, bin)
    this.configure({ maxConcurrentTasks: 1000, ...settings })
    this.client = this.#connect()
  }

  static async start(settings: Record<string, unknown> = {}): Promise<BenchSquad> {
    const squad = new BenchSquad(settings, await packagedBin())
    await squad.up()
    return squad
  }

  /** Starts the daemon, again after it was killed. */
  async up(): Promise<void> {
    await this.json('start')
    this.client.close()
    this.client = this.#connect()
    this.daemonPid = (await this.client.call('status', {})).pid
  }

  get socket(): string {
    return join(this.home, 'run', 'squadd.sock')
  }

  #connect(): Client {
    return connect({ socket: this.socket })
  }

  /** Agents `NAME0` …, all of them ready. */
  async addAgents(count: number, input: Partial<AgentInput> = {}, name = 'agent'): Promise<void> {
    let next = 0
    const one = async () => {
      for (let n = next++; n < count; n = next++)
        await this.client.call('agents.add', { repo: this.repo, ...input, id: `${name}${n}` })
    }
    await Promise.all(Array.from({ length: width }, one))
  }

  agents(): Promise<AgentView[]> {
    return this.client.call('agents.list', {})
  }

  async add(input: TaskInput): Promise<Task> {
    return (await this.client.call('tasks.add', input)) as Task
  }

  addAll(tasks: TaskInput[]): Promise<unknown> {
    return this.client.call('tasks.add', { tasks } as never)
  }

  /** Resolves when so many agents are in this state. */
  async untilAgents(count: number, state: AgentView['state']): Promise<void> {
    for (;;) {
      const { agents } = await this.client.call('status', {})
      if ((agents[state] ?? 0) >= count) return
      await pause(20)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    await this.remove()
  }
}
