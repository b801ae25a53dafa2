import type { Client } from '../../src/supervisor/api/client.ts'
import { isAway } from '../../src/supervisor/api/client.ts'
import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import { asSquadError } from '../../src/supervisor/domain/error.ts'
import type { SquadStatus } from '../../src/supervisor/domain/squad.ts'
import type { Task } from '../../src/supervisor/domain/task.ts'

export type Reading = {
  /** When it was read, ms since 1970. */
  at: number
  status: SquadStatus
  agents: readonly AgentView[]
  tasks: ReadonlyMap<string, Task>
  /** Why it is not newer, or null. */
  problem: string | null
}

// However much happens, it is read no more often than this.
const leastPauseMs = 300

/**
 * The squad as it is, kept up to date: read again when an event says that something has happened, and
 * while tasks run as often as their CPU and memory are measured. Where nothing happens it asks nothing.
 */
export class Live {
  readonly #client: Client
  /** Called when there is something new. */
  onChange = () => {}
  readonly #end = new AbortController()
  readonly #tasks = new Map<string, Task>()
  #timer: NodeJS.Timeout | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #readAt = 0
  #isReading = false
  #isStale = false
  reading: Reading

  private constructor(client: Client, first: Reading) {
    this.#client = client
    this.reading = first
  }

  /** Throws what the first reading throws. */
  static async open(client: Client): Promise<Live> {
    const live = new Live(client, await read(client, new Map()))
    for (const [id, task] of live.reading.tasks) live.#tasks.set(id, task)
    live.#pace()
    return live
  }

  /** Follows the events until `stop`; throws when the daemon stays away. */
  async follow(): Promise<void> {
    const { signal } = this.#end
    const since = this.reading.status.lastEvent
    const onLost = () => this.refresh()
    for await (const _event of this.#client.events({ since, signal, onLost, isKnown: true }))
      this.refresh()
  }

  /** Reads again soon. */
  refresh(): void {
    if (this.#isReading) this.#isStale = true
    else this.#readIn(Math.max(0, leastPauseMs - (Date.now() - this.#readAt)))
  }

  stop(): void {
    this.#end.abort()
    clearTimeout(this.#timer)
  }

  #readIn(ms: number): void {
    const dueAt = Date.now() + ms
    if (this.#end.signal.aborted || dueAt >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => void this.#read(), ms)
  }

  async #read(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#isReading = true
    this.#isStale = false
    try {
      this.reading = await read(this.#client, this.#tasks)
    } catch (error) {
      const problem = isAway(error)
        ? 'the daemon does not answer; waiting for it'
        : asSquadError(error).message
      this.reading = { ...this.reading, problem }
    }
    this.#isReading = false
    this.#readAt = Date.now()
    if (this.#end.signal.aborted) return
    if (this.#isStale) this.refresh()
    else this.#pace()
    this.onChange()
  }

  #pace(): void {
    const { agents, status, problem } = this.reading
    if (problem !== null || agents.some(({ currentTask }) => currentTask !== null))
      this.#readIn(status.sampleIntervalMs)
  }
}

/** One look at the squad. `known`: tasks that need not be asked for again; others are forgotten. */
export async function read(client: Client, known: Map<string, Task>): Promise<Reading> {
  // First what says which events are in it: the agents are no older than that.
  const status = await client.call('status', {})
  const agents = await client.call('agents.list', {})
  const running = new Set(agents.flatMap(({ currentTask }) => currentTask ?? []))
  for (const id of known.keys()) if (!running.has(id)) known.delete(id)
  const unknown = [...running].filter((id) => !known.has(id))
  const found = await Promise.all(unknown.map((id) => client.call('tasks.show', { id })))
  for (const task of found) known.set(task.id, task)
  return { at: Date.now(), status, agents, tasks: known, problem: null }
}
