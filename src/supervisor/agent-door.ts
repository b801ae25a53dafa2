import { SquadError } from './domain/error.ts'
import type { NewEvent } from './domain/event.ts'
import { attemptKey, parseAttemptKey } from './domain/message.ts'
import type { AgentDoor } from './domain/squad.ts'
import type { TokenSubject } from './domain/agent-token.ts'
import type { TaskId } from './domain/task.ts'
import type { Clock } from './domain/time.ts'

/** A program that says more often how far it is only fills the event log. */
const reportEveryMs = 1000
/** The same for what it may not do. */
const tellEveryMs = 10_000

/** As far as an agent's door goes. */
type Holder = {
  id: string
  record: { key: string }
  currentTask: { id: TaskId; fence: number } | null
  isTidying: boolean
}

/** Lets programs do the little that is theirs, each for the task that its agent has. */
export class AgentDoors {
  readonly #agents: () => readonly Holder[]
  readonly #clock: Clock
  readonly #happened: (event: NewEvent) => void
  readonly #last = new Map<string, number>()

  constructor(agents: () => readonly Holder[], clock: Clock, happened: (event: NewEvent) => void) {
    this.#agents = agents
    this.#clock = clock
    this.#happened = happened
  }

  /** Null when what was started there has no task any more. */
  open({ agent: key, start }: TokenSubject): AgentDoor | null {
    const agent = this.#agents().find(({ record }) => record.key === key)
    const task = agent?.currentTask
    if (!agent || !task || agent.isTidying) return null
    if (parseAttemptKey(start) && start !== attemptKey(task.id, task.fence)) return null
    const about = { agentId: agent.id, taskId: task.id }
    return {
      taskId: task.id,
      report: (text) => {
        const waitMs = this.#waitMs(`report ${key}`, reportEveryMs)
        if (waitMs > 0)
          throw new SquadError('SQUADD_BUSY', 'it has only just said how far it is', {
            hint: 'say it at most once a second',
            retryAfterMs: waitMs,
          })
        this.#happened({ type: 'TaskProgress', ...about, data: { text } })
      },
      refused: (what) => {
        if (this.#waitMs(`refused ${key}`, tellEveryMs) > 0) return
        this.#happened({ type: 'AgentRefused', ...about, data: { what } })
      },
    }
  }

  /** How long to wait before the next; 0 counts as done now. */
  #waitMs(what: string, everyMs: number): number {
    const now = this.#clock.now()
    for (const [name, at] of this.#last) if (now - at > tellEveryMs) this.#last.delete(name)
    const waitMs = (this.#last.get(what) ?? -Infinity) + everyMs - now
    if (waitMs > 0) return waitMs
    this.#last.set(what, now)
    return 0
  }
}
