import type { AgentView } from '../../src/supervisor/domain/agent.ts'
import type { Client } from '../../src/supervisor/api/client.ts'
import { asSquadError } from '../../src/supervisor/domain/error.ts'
import { attach } from '../commands/attach.ts'
import type { TopFacts } from './facts.ts'
import { Live } from './live.ts'
import { Screen } from './screen.ts'
import { view } from './view.ts'

// Ages are seconds; what has not changed is not written again.
const redrawMs = 1000
const messageMs = 5000

/** The live view: shows the squad and obeys keys until the person quits. */
export class Top {
  readonly #client: Client
  readonly #live: Live
  readonly #screen: Screen
  #leave = () => {}
  readonly #quit = new Promise<void>((resolve) => (this.#leave = resolve))
  #selected: string | null = null
  /** Something that is done when the answer is yes. */
  #question: { text: string; yes: () => Promise<unknown> } | null = null
  #message: { text: string; until: number } | null = null
  #isAway = false

  private constructor(client: Client, live: Live) {
    this.#client = client
    this.#live = live
    live.onChange = () => this.#draw()
    this.#screen = new Screen(
      (key) => this.#press(key),
      () => this.#draw(),
    )
  }

  /** Resolves when the person quits; whatever happens, the terminal is as it was. */
  static async run(client: Client): Promise<void> {
    await new Top(client, await Live.open(client)).#run()
  }

  async #run(): Promise<void> {
    const timer = setInterval(() => this.#draw(), redrawMs)
    const end = () => this.#leave()
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
    try {
      this.#screen.open()
      this.#draw()
      await Promise.race([this.#live.follow(), this.#quit])
    } finally {
      clearInterval(timer)
      this.#live.stop()
      this.#screen.close()
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, end)
    }
  }

  get #agent(): AgentView | undefined {
    const { agents } = this.#live.reading
    return agents.find(({ id }) => id === this.#selected) ?? agents[0]
  }

  #draw(): void {
    if (this.#isAway) return
    if (this.#message && this.#message.until < Date.now()) this.#message = null
    const { at, agents, tasks, problem, ...reading } = this.#live.reading
    const now = Date.now()
    const status = { ...reading.status, uptimeMs: reading.status.uptimeMs + now - at }
    const facts: TopFacts = {
      ...{ now, status, agents, tasks },
      selected: this.#agent?.id ?? null,
      message: this.#question?.text ?? this.#message?.text ?? problem,
    }
    this.#screen.draw(view(facts, this.#screen.size))
  }

  #press(key: string): void {
    const question = this.#question
    if (question) {
      this.#question = null
      if (key === 'y') this.#do(question.yes)
    } else this.#command(key)
    this.#draw()
  }

  #command(key: string): void {
    const agent = this.#agent
    switch (key) {
      case 'q':
      case 'quit':
        return this.#leave()
      case 'up':
      case 'k':
        return this.#step(-1)
      case 'down':
      case 'j':
        return this.#step(1)
    }
    if (!agent) return
    const { id, state, currentTask } = agent
    switch (key) {
      case 'a':
      case 'enter':
        return this.#do(() => this.#attach(id, false))
      case 'w':
        return this.#do(() => this.#attach(id, true))
      case 'p':
        return this.#do(() =>
          this.#client.call(state === 'paused' ? 'agents.resume' : 'agents.pause', { id }),
        )
      case 'c':
        if (currentTask === null) return this.#say(`${id} has no task`)
        this.#question = {
          text: `cancel ${currentTask} of ${id}? y/n`,
          yes: () => this.#client.call('tasks.cancel', { id: currentTask }),
        }
    }
  }

  #step(by: number): void {
    const { agents } = this.#live.reading
    const at = agents.findIndex(({ id }) => id === this.#agent?.id)
    this.#selected = agents[Math.min(Math.max(0, at + by), agents.length - 1)]?.id ?? null
  }

  #say(text: string): void {
    this.#message = { text, until: Date.now() + messageMs }
  }

  #do(work: () => Promise<unknown>): void {
    work()
      .then(() => this.#live.refresh())
      .catch((error: unknown) => {
        this.#say(asSquadError(error).message)
        this.#draw()
      })
  }

  /** Gives the terminal away and takes it back. */
  async #attach(id: string, write: boolean): Promise<void> {
    this.#isAway = true
    this.#screen.close()
    try {
      await attach(this.#client, id, write)
    } finally {
      this.#isAway = false
      this.#screen.open()
      this.#draw()
    }
  }
}
