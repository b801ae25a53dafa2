import type { NewEvent } from './domain/event.ts'
import type { LoadSampler } from './domain/ports.ts'
import type { Task } from './domain/task.ts'
import type { Clock } from './domain/time.ts'
import type { SupervisedAgent } from './supervised-agent.ts'

export type LoadPorts = {
  sampler: LoadSampler
  clock: Clock
  intervalMs: () => number
  stallAfterMs: () => number
  agents: () => SupervisedAgent[]
  happened: (event: NewEvent) => void
  /** The task's own wish: it is to be stopped when it stalls. */
  stop: (agent: SupervisedAgent, task: Task) => void
  onError: (error: unknown) => void
}

// Below this a process only wakes up now and then.
const idleCpuPercent = 1
const probeWithinMs = 5000

/** CPU and memory of every program that runs, and the stalls that follow from them. */
export class LoadMonitor {
  readonly #ports: LoadPorts
  /** When a running attempt last used CPU, by its task and fence. */
  readonly #activeAt = new Map<string, number>()
  readonly #reported = new Set<string>()
  #cancel: (() => void) | null = null

  constructor(ports: LoadPorts) {
    this.#ports = ports
  }

  /** A task runs: samples from now on, as long as one does. */
  wake(): void {
    if (this.#cancel) return
    const { clock, intervalMs, onError } = this.#ports
    this.#cancel = clock.after(intervalMs(), () => {
      this.sweep()
        .catch(onError)
        .finally(() => {
          if (!this.#cancel) return
          this.#cancel = null
          if (this.#running().length > 0) this.wake()
        })
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  /** One look at all programs. */
  async sweep(): Promise<void> {
    const roots = new Map(
      this.#running().flatMap((agent) =>
        agent.programPid === null ? [] : [[agent.id, agent.programPid]],
      ),
    )
    const samples = await this.#ports.sampler.sample(roots)
    for (const agent of this.#ports.agents()) agent.load = samples.get(agent.id) ?? null
    // Those that run now: some may have ended while they were measured.
    const running = this.#running()
    const keys = new Set(running.map((agent) => keyOf(agent.currentTask!)))
    for (const key of this.#activeAt.keys()) if (!keys.has(key)) this.#forget(key)
    await Promise.all(running.map((agent) => this.#judge(agent)))
  }

  #running(): SupervisedAgent[] {
    return this.#ports.agents().filter((agent) => agent.currentTask !== null)
  }

  async #judge(agent: SupervisedAgent): Promise<void> {
    const { clock, stallAfterMs, happened, stop } = this.#ports
    const task = agent.currentTask
    const limit = stallAfterMs()
    if (!task || agent.state !== 'running' || limit === 0) return
    const key = keyOf(task)
    const now = clock.now()
    const { cpuPercent } = agent.load ?? { cpuPercent: 0 }
    if (cpuPercent >= idleCpuPercent) this.#activeAt.set(key, now)
    const activeAt = this.#activeAt.get(key) ?? task.startedAt ?? now
    this.#activeAt.set(key, activeAt)
    if (now - activeAt < limit || this.#reported.has(key)) return
    const outputAt = (await agent.probe(probeWithinMs).catch(() => null))?.outputAt ?? activeAt
    const idleMs = now - Math.max(activeAt, outputAt)
    if (idleMs < limit || agent.currentTask !== task) return
    this.#reported.add(key)
    happened({ type: 'TaskStalled', agentId: agent.id, taskId: task.id, data: { idleMs } })
    if (task.spec.onStall === 'stop') stop(agent, task)
  }

  #forget(key: string): void {
    this.#activeAt.delete(key)
    this.#reported.delete(key)
  }
}

const keyOf = (task: Task): string => `${task.id}-${task.fence}`
