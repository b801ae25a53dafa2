import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { agentPorts } from '../assembly.ts'
import type { AgentInput, AgentRecord } from '../domain/agent.ts'
import { createAgent } from '../domain/agent.ts'
import { defaults } from '../domain/config.ts'
import { SquadError } from '../domain/error.ts'
import type { Verdict } from '../domain/message.ts'
import type { WorktreeState } from '../domain/ports.ts'
import type { Task, TaskInput, TaskResult } from '../domain/task.ts'
import { createTask } from '../domain/task.ts'
import { placeOf } from '../agent-goals.ts'
import type { AgentOwner, AgentPorts } from '../agent-owner.ts'
import { SupervisedAgent } from '../supervised-agent.ts'
import { processHome } from './workshop.ts'

/** How an instance is started. Everything but `title` and `path` has a default. */
export type InstanceOptions = Omit<AgentInput, 'id' | 'repo'> & {
  /** Its name: `[A-Za-z0-9][A-Za-z0-9_-]{0,47}`. */
  title: string
  /** The git repository. */
  path: string
}

let count = 0

/**
 * A program in its own tmux session and git worktree, on its own branch. It works alone
 * (`sendPrompt`), or under an orchestrator once a ManagedAgent made of it is added to one.
 */
export class Instance {
  readonly title: string
  readonly agent: SupervisedAgent
  readonly #ports: AgentPorts
  readonly #pending = new Map<string, (verdict: Verdict) => void>()
  #prompts = 0

  /**
   * Starts tmux, worktree and branch; resolves when the instance is ready for a prompt. Throws
   * SQUADD_INVALID, SQUADD_GIT, SQUADD_TMUX; then nothing of it is left.
   */
  static async start({ title, path, ...options }: InstanceOptions): Promise<Instance> {
    const spec = createAgent({ ...options, id: title, repo: resolve(path) })
    const instance = new Instance(spec)
    await instance.#ports.worktrees.check(spec)
    try {
      await instance.agent.start(null)
      await instance.agent.untilReady()
    } catch (error) {
      await instance.kill()
      throw error
    }
    return instance
  }

  private constructor(spec: AgentRecord['spec']) {
    const home = processHome()
    const key = `i${++count}`
    const config = () => defaults
    const ports = agentPorts({ home, config, env: process.env }, randomUUID())
    // Its folders stay the same when an orchestrator gives it another record.
    const setup: AgentPorts['setup'] = (record, current) => ports.setup({ ...record, key }, current)
    this.title = spec.id
    this.#ports = { ...ports, setup }
    this.agent = new SupervisedAgent(
      newRecord(spec, key, join(home.worktreesDir, key, spec.id), ports.clock.now()),
      this.#ports,
      this.#owner(),
    )
  }

  /** Runs one prompt and resolves with its result. Throws SQUADD_CONFLICT while it is busy. */
  async sendPrompt(prompt: string, options: Omit<TaskInput, 'prompt'> = {}): Promise<TaskResult> {
    if (!this.agent.isFree)
      throw new SquadError('SQUADD_CONFLICT', `instance ${this.title} is ${this.agent.state}`, {
        hint: 'wait for its task, or give the prompt to the orchestrator',
      })
    const task = this.#task({ ...options, prompt })
    const ended = new Promise<Verdict>((resolve) => this.#pending.set(task.id, resolve))
    const { timeoutMs } = task.spec
    const cancel = timeoutMs
      ? this.#ports.clock.after(timeoutMs, () => this.agent.stopAttempt('timed_out'))
      : () => {}
    this.agent.assign(task)
    const { result } = await ended
    cancel()
    await this.agent.untilFree()
    return result
  }

  /** The text on its screen. */
  preview(): Promise<string> {
    return this.agent.screen()
  }

  /** A unified diff of its worktree against the commit its branch began at. */
  diff(): Promise<string> {
    return this.#ports.worktrees.diff(this.agent.record.worktree, this.agent.record.spec.base)
  }

  /** The command (argv) that shows its live terminal; read-only unless `write`. */
  attach({ write = false } = {}): string[] {
    const { tmuxSocket } = this.agent.view()
    return ['tmux', '-S', tmuxSocket, 'attach-session', '-t', '=sq', ...(write ? [] : ['-r'])]
  }

  /**
   * Ends program, tmux and worktree. Unsaved work is kept under refs/squadd/rescue: resolves with
   * that ref, or null.
   */
  async kill({ keepBranch = false } = {}): Promise<string | null> {
    if (this.agent.state !== 'stopped') await this.agent.end('stop', 'killed')
    const { record } = this.agent
    await this.#ports.hosts.clear(this.agent.setup())
    return this.#ports.worktrees.remove(record.spec, placeOf(record), { keepBranch })
  }

  #task(input: TaskInput): Task {
    const { prompt, priority, ...spec } = createTask(input, defaults)
    const now = this.#ports.clock.now()
    return {
      id: `t${++this.#prompts}`,
      state: 'running',
      reason: null,
      priority,
      prompt,
      spec,
      rank: now,
      lane: 'any',
      fence: 1,
      attempt: 1,
      starts: 1,
      spentMs: 0,
      spentUsd: 0,
      agent: this.agent.id,
      want: null,
      outcome: null,
      cause: null,
      result: null,
      createdAt: now,
      notBeforeAt: null,
      startedAt: now,
      endedAt: null,
    }
  }

  /** Alone it owns itself. */
  #owner(): AgentOwner<SupervisedAgent> {
    return {
      verdict: (agent, verdict) => {
        const taskId = verdict.key.slice(0, verdict.key.lastIndexOf('-'))
        agent.answer(verdict.key, 'recorded')
        this.#pending.get(taskId)?.(verdict)
        this.#pending.delete(taskId)
      },
      placed: async (agent, { path, ownsBranch }: WorktreeState) => {
        agent.record = { ...agent.record, worktree: path, ownsBranch }
      },
      free: () => {},
      gaveUp: () => {},
      lost: () => {},
      happened: () => {},
      breaker: () => 'closed',
    }
  }
}

function newRecord(
  spec: AgentRecord['spec'],
  key: string,
  worktree: string,
  now: number,
): AgentRecord {
  return {
    spec,
    key,
    goal: 'up',
    failure: null,
    worktree,
    ownsBranch: false,
    tasksCompleted: 0,
    tasksFailed: 0,
    totalExecTimeMs: 0,
    createdAt: now,
    updatedAt: now,
  }
}
