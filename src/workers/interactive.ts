import { SquadError } from '../supervisor/domain/error.ts'
import type { AttemptOrder, FromHost, HostSetup } from '../supervisor/domain/message.ts'
import { oneLine } from './attempt-evidence.ts'
import type { Conversation } from './conversation.ts'
import type { GitEvidence } from './git-evidence.ts'
import { LiveProgram } from './live-program.ts'
import type { Terminal } from './programs/terminal.ts'
import type { Screens } from './screen.ts'
import type { Pane } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'
import { Turn } from './turn.ts'
import { Typist } from './typist.ts'

export type InteractiveParts = {
  tmux: Tmux
  screens: Screens
  terminal: Terminal
  git: GitEvidence
  conversation: Conversation
  send: (message: FromHost) => void
}

/** An agent's program that goes on from task to task, and everything that is typed into it. */
export class Interactive {
  readonly live: LiveProgram
  readonly #setup: HostSetup
  readonly #parts: InteractiveParts
  readonly #terminal: Terminal
  readonly #typist: Typist
  #turn: Turn | null = null
  #isRebooted = false

  constructor(setup: HostSetup, parts: InteractiveParts) {
    const { tmux, screens, conversation, terminal } = parts
    this.#setup = setup
    this.#parts = parts
    this.#terminal = terminal
    const log = (message: string) => this.#log(message)
    this.live = new LiveProgram({ setup, tmux, screens, terminal, conversation, log })
    this.#typist = new Typist({ dir: setup.dir, tmux, live: this.live, terminal })
  }

  /** Finds the program that an earlier host left; what nobody could talk with any more is ended. */
  async recall(panes: readonly Pane[], isRebooted: boolean): Promise<void> {
    this.#isRebooted = isRebooted
    this.live.recall(panes)
    await this.live.verifyRecalled()
  }

  /** Starts the program before the first task needs it; a failure is that task's to tell. */
  warmUp(): void {
    this.live.takenUp()
    this.#isRebooted = false
    this.live.ready().catch((error: unknown) => this.#log(`not ready: ${oneLine(error)}`))
  }

  /** Why nothing may be typed just now, or null. */
  obstacle(): Promise<string | null> {
    return this.#typist.obstacle()
  }

  turn(order: AttemptOrder): Turn {
    this.#turn = new Turn(order, {
      ...this.#parts,
      setup: this.#setup,
      live: this.live,
      typist: this.#typist,
      terminal: this.#terminal,
      isRebooted: this.#isRebooted,
    })
    return this.#turn
  }

  /** Answers what the program asks. Throws SQUADD_CONFLICT when it asks nothing, or not so. */
  async answer(choice: string): Promise<void> {
    const question = this.#turn?.question
    if (!question)
      throw new SquadError('SQUADD_CONFLICT', 'the program asks nothing', {
        hint: 'squadd agent screen shows what is there',
      })
    const steps = this.#terminal.answer(choice, question)
    if (steps === null)
      throw new SquadError('SQUADD_CONFLICT', `${JSON.stringify(choice)} is no answer here`, {
        hint: 'use yes, no or the number of a choice',
      })
    await this.#typist.alone(async () => {
      if (await this.#typist.take(steps)) return
      throw new SquadError('SQUADD_CONFLICT', 'the question did not show on its screen', {
        hint: 'try again, or squadd agent attach --write',
      })
    })
  }

  /** Types a text and Enter, as a person would. Throws SQUADD_CONFLICT while it works or asks. */
  async send(text: string): Promise<void> {
    await this.live.ready()
    await this.#typist.alone(async () => {
      const obstacle = await this.#typist.obstacle()
      if (obstacle !== null)
        throw new SquadError('SQUADD_CONFLICT', `nothing can be typed now: ${obstacle}`, {
          hint: 'try again when it is free',
        })
      if (!(await this.#typist.paste(text)))
        throw new SquadError('SQUADD_CONFLICT', 'the text did not show in its input box', {
          hint: 'try again, or squadd agent attach --write',
        })
      await this.#typist.press('Enter')
    })
  }

  #log(message: string): void {
    this.#parts.send({ kind: 'log', level: 'warn', message })
  }
}
