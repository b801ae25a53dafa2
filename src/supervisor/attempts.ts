import type { Breakers } from './breakers.ts'
import type { Dispatcher } from './dispatcher.ts'
import { messageOf } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import type { Verdict } from './domain/message.ts'
import type { AgentHosts, Store } from './domain/ports.ts'
import type { StopReason, Task, TaskId } from './domain/task.ts'
import type { Clock } from './domain/time.ts'
import { failpoint } from './failpoint/failpoint.ts'
import { workerOf } from './placement.ts'
import { chooseVictim } from './policy/preemption.ts'
import type { TaskQueue } from './queue.ts'
import type { Recovery } from './recovery.ts'
import type { Roster } from './roster.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

export type AttemptParts = {
  store: Store
  queue: TaskQueue
  roster: Roster
  dispatcher: Dispatcher
  hosts: AgentHosts
  breakers: Breakers
  recovery: Recovery
  clock: Clock
  onError: (error: unknown) => void
}

/** The attempts under way: who has them, how they are stopped, how their end is recorded. */
export class Attempts {
  readonly #parts: AttemptParts

  constructor(parts: AttemptParts) {
    this.#parts = parts
  }

  /** The agent that has this attempt. */
  holder(task: Task): SupervisedAgent | undefined {
    const agent = this.#parts.roster.all.find((one) => one.id === task.agent)
    const has = agent?.currentTask
    return has?.id === task.id && has.fence === task.fence ? agent : undefined
  }

  assign(task: Task): void {
    this.#parts.roster.get(task.agent ?? '').assign(task)
  }

  /**
   * Asks for the end of an attempt, so that it is not forgotten when someone dies meanwhile. Where
   * that cannot be stored it is asked for all the same.
   */
  async stop(agent: SupervisedAgent, task: Task, reason: StopReason): Promise<void> {
    try {
      await this.#parts.store.askStop(task.id, task.fence, reason)
    } finally {
      if (this.holder(task) === agent) agent.stopAttempt(reason)
    }
  }

  /** It has had its time. */
  async overdue(task: Task): Promise<void> {
    // After a start its agent may not have been taken up yet.
    if (task.agent !== null) await this.#parts.roster.takenUp(task.agent)
    const agent = this.holder(task)
    if (agent) await this.stop(agent, task, 'timed_out')
  }

  async record(agent: SupervisedAgent, verdict: Verdict): Promise<void> {
    const startedAt = agent.currentTask?.startedAt ?? 0
    const answer = await this.#parts.queue.record(verdict)
    failpoint('record.before_answer')
    if (answer === 'recorded') {
      this.#parts.breakers.ended(workerOf(agent), verdict, startedAt)
      if (verdict.outcome === 'succeeded') this.#parts.recovery.succeeded(agent.id)
    }
    agent.answer(verdict.key, answer)
    const taskId = this.#parts.queue.taskOf(verdict)
    if (taskId !== null) this.#settled(taskId)
  }

  /** Nothing will be heard of it any more; `agent` had it, if that is still there. */
  async lost(agent: SupervisedAgent | null, task: Task, reason: string): Promise<void> {
    const answer = await this.#parts.queue.recordLost(task, reason)
    if (agent && answer === 'recorded') {
      const nobodyKnows = { outcome: 'unknown', cause: null, reason } as const
      this.#parts.breakers.ended(workerOf(agent), nobodyKnows, task.startedAt ?? 0)
    }
    this.#settled(task.id)
  }

  /** An agent cannot be brought back: says so, ends what is left of it, then gives up its task. */
  async gaveUp(agent: SupervisedAgent, reason: string, task: Task | null): Promise<void> {
    const { store, hosts, clock, recovery, onError } = this.#parts
    const againAt = recovery.failed(agent.id)
    const byItself = againAt === null ? '' : ` (by itself at ${new Date(againAt).toISOString()})`
    const failure = `${reason}; squadd agent reset ${agent.id} starts it again${byItself}`
    const event: NewEvent = { type: 'AgentFailed', agentId: agent.id, data: { reason: failure } }
    agent.leaving = hosts.clear(agent.setup())
    // What cannot be noted or ended now must not keep the task from being given up.
    await store.updateAgent(agent.id, { failure }, [event], clock.now()).then((record) => {
      agent.record = record
    }, onError)
    // First nothing of the attempt may run any more: a person may well give the task to another.
    const leftover = await agent.leaving.then(() => '', messageOf)
    if (task) await this.lost(agent, task, leftover === '' ? reason : `${reason}; ${leftover}`)
  }

  /** Every agent that could take a critical task is busy: interrupts one that may be. */
  makeRoom(): void {
    const { store, roster } = this.#parts
    const urgent = store.urgent()
    if (!urgent) return
    const running = roster.all.flatMap((agent) => {
      const task = agent.currentTask
      const place = { id: agent.id, labels: agent.record.spec.labels }
      return task ? [{ task, agent: place, stopping: agent.isStopping }] : []
    })
    const victim = chooseVictim(urgent, running)
    if (!victim) return
    const agent = roster.get(victim.agent.id)
    this.stop(agent, agent.currentTask!, 'preempted').catch(this.#parts.onError)
  }

  #settled(id: TaskId): void {
    const { store, dispatcher } = this.#parts
    const task = store.task(id)
    if (task.state !== 'running') dispatcher.untrack(id)
    // It, or a task that waited for it, may be ready now or have a time to wait for.
    dispatcher.due()
  }
}
