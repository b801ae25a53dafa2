import { asSquadError, SquadError } from '../supervisor/domain/error.ts'
import type { FromHost, ToHost } from '../supervisor/domain/message.ts'
import type { Interactive } from './interactive.ts'
import type { Screens } from './screen.ts'
import { listPanes, parsePanes, serverPid } from './tmux-commands.ts'
import type { WindowId } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'
import type { Work } from './work.ts'

export type InquiryPorts = {
  tmux: Tmux
  screens: Screens
  /** Null where nobody can talk with the program. */
  interactive: Interactive | null
  /** What it works on. */
  open: () => Work | undefined
  send: (message: FromHost) => void
}

/** A message that is answered. */
export type Inquiry = Extract<ToHost, { id: number }>

/** Answers what the supervisor asks of an agent; whatever fails is an answer as well. */
export class Inquiries {
  readonly #ports: InquiryPorts

  constructor(ports: InquiryPorts) {
    this.#ports = ports
  }

  answer(inquiry: Inquiry): Promise<void> {
    switch (inquiry.kind) {
      case 'probe':
        return this.#probe(inquiry.id)
      case 'screen':
        return this.#screen(inquiry.id)
      case 'answer':
        return this.#typed(inquiry.id, (program) => program.answer(inquiry.choice))
      case 'type':
        return this.#typed(inquiry.id, (program) => program.send(inquiry.text))
    }
  }

  async #probe(id: number): Promise<void> {
    const { tmux, open, send } = this.#ports
    const work = open()
    await work?.check()
    const isTmuxAlive = await tmux.run(serverPid()).then(
      () => true,
      () => false,
    )
    send({
      ...{ kind: 'alive', id, tmux: isTmuxAlive },
      programPid: work?.programPid ?? null,
      outputAt: (await work?.outputAt()) ?? null,
    })
  }

  async #screen(id: number): Promise<void> {
    const { screens, send } = this.#ports
    const text = await this.#shownWindow()
      .then((window) => screens.read(window))
      .catch((error: unknown) => `(no screen: ${asSquadError(error).message})`)
    send({ kind: 'screen', id, text })
  }

  async #shownWindow(): Promise<WindowId> {
    const { open, interactive, tmux } = this.#ports
    const shown = open()?.windowId ?? interactive?.live.window
    if (shown) return shown
    const [lines = []] = await tmux.run(listPanes())
    return parsePanes(lines)[0]!.window
  }

  async #typed(id: number, type: (program: Interactive) => Promise<void>): Promise<void> {
    const { interactive, send } = this.#ports
    const problem = await (interactive ? type(interactive) : nobodyListens()).then(
      () => null,
      (error: unknown) => {
        const { message, data } = asSquadError(error)
        return { message, hint: data.hint ?? 'look at squadd agent screen' }
      },
    )
    send({ kind: 'typed', id, problem })
  }
}

const nobodyListens = (): Promise<never> =>
  Promise.reject(
    new SquadError('SQUADD_CONFLICT', 'nobody can talk with this program', {
      hint: 'it runs headless; its tasks come from the queue',
    }),
  )
