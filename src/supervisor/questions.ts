import type { Config, WaitingPolicy } from './domain/config.ts'
import type { NewEvent } from './domain/event.ts'
import type { StopReason, Task } from './domain/task.ts'
import type { Clock } from './domain/time.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

export type QuestionPorts = {
  clock: Clock
  config: () => Pick<Config, 'waitingTimeoutMs' | 'waitingPolicy'>
  happened: (event: NewEvent) => void
  stop: (agent: SupervisedAgent, task: Task, reason: StopReason) => Promise<void>
  onError: (error: unknown) => void
}

const answers: Record<Exclude<WaitingPolicy, 'escalate' | 'fail'>, string> = {
  allow: 'yes',
  deny: 'no',
}

/** What programs ask: a person is told at once, and when nobody answers in time the policy decides. */
export class Questions {
  readonly #ports: QuestionPorts

  constructor(ports: QuestionPorts) {
    this.#ports = ports
  }

  asked(agent: SupervisedAgent, question: string): void {
    this.#tell(agent, { question })
    this.#watch(agent, question, this.#ports.clock.now())
  }

  #watch(agent: SupervisedAgent, question: string, since: number): void {
    const { clock, config, onError } = this.#ports
    const limitMs = config().waitingTimeoutMs
    if (limitMs === 0) return
    const task = agent.currentTask
    clock.after(limitMs, () => {
      // Another question of the same words began its own time.
      const isOpen = agent.question === question && agent.waitingSince <= since
      if (isOpen && agent.currentTask === task) this.#late(agent, question, since).catch(onError)
    })
  }

  async #late(agent: SupervisedAgent, question: string, since: number): Promise<void> {
    const { config, clock, stop } = this.#ports
    const policy = config().waitingPolicy
    this.#tell(agent, { question, waitedMs: clock.now() - since, policy })
    if (policy === 'escalate') return this.#watch(agent, question, since)
    if (policy !== 'fail') return agent.answerProgram(answers[policy])
    if (agent.currentTask) await stop(agent, agent.currentTask, 'unanswered')
  }

  #tell(agent: SupervisedAgent, data: Record<string, unknown>): void {
    const taskId = agent.currentTask?.id
    this.#ports.happened({
      type: 'AgentWaiting',
      agentId: agent.id,
      ...(taskId === undefined ? {} : { taskId }),
      data,
    })
  }
}
