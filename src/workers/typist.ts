import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LiveProgram } from './live-program.ts'
import type { Step, Terminal } from './programs/terminal.ts'
import { spaced } from './programs/terminal.ts'
import { listClients, parseTypists, pasteFile, pasteInto, pressKey } from './tmux-commands.ts'
import type { Tmux } from './tmux.ts'

/** A person who pressed a key this short a time ago is typing. */
const typingMs = 5000
/** A text that a person has begun is left alone this long. */
const draftMs = 60_000
/** Programs take an Enter that follows a paste too soon for a part of it. */
const pasteMs = 300
/** A paste that does not show in this time was dropped, or is late; nothing was submitted. */
const droppedMs = 3000
const pastes = 4
/** How often a program in use is looked at again. */
const lookMs = 500
/** Between two looks for a text on the screen. */
const stepLookMs = 50
/** A key without effect on the screen in this time was lost. */
const lostMs = 700
const presses = 5
/** A box is emptied line by line. */
const clears = 30

export type TypistPorts = { dir: string; tmux: Tmux; live: LiveProgram; terminal: Terminal }

/** What no prompt of ours has opened, and nobody closes. */
export const covered = 'something covers its input box'

/** Whose text may not be mixed: why nothing can be typed now. */
export type Obstacle = string

/** Types into one program: one text at a time, and a person always goes first. */
export class Typist {
  readonly #ports: TypistPorts
  #last: Promise<unknown> = Promise.resolve()

  constructor(ports: TypistPorts) {
    this.#ports = ports
  }

  /** Runs `work` while nobody else types. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }

  /** Waits until a prompt would begin a turn; answers what was in the way when it did not end. */
  async untilFree(patienceMs: number, isGivenUp: () => boolean): Promise<Obstacle | null> {
    const until = performance.now() + patienceMs
    for (;;) {
      const obstacle = await this.obstacle()
      if (obstacle === null || isGivenUp() || performance.now() > until) return obstacle
      await delay(lookMs)
    }
  }

  /** Whether no turn runs any more, at the latest after `withinMs`. */
  async isFreeWithin(withinMs: number): Promise<boolean> {
    const { live, terminal } = this.#ports
    const until = performance.now() + withinMs
    for (;;) {
      if (terminal.isFree(await live.facts())) return true
      if (performance.now() > until) return false
      await delay(stepLookMs)
    }
  }

  /** Why nothing may be typed just now, or null. */
  async obstacle(): Promise<Obstacle | null> {
    const { live, terminal, tmux } = this.#ports
    const [pane, facts, [clients = []]] = await Promise.all([
      live.pane(),
      live.facts(),
      tmux.run(listClients()),
    ])
    if (pane.isDead) return 'the program has ended'
    if (pane.isInMode) return 'someone scrolls in its window'
    const typedAt = Math.max(0, ...parseTypists(clients))
    const sinceMs = Date.now() - typedAt
    if (sinceMs < typingMs) return 'someone types in its window'
    if (!terminal.isFree(facts)) return 'it works on something else'
    const draft = terminal.input(facts.screen)
    if (draft === null) return terminal.dialog.test(facts.screen) ? 'it shows a dialog' : covered
    if (draft && sinceMs < draftMs) return 'someone has begun a text'
    return null
  }

  /**
   * Puts a text into the input box, as one paste; false when the box stays empty. After a paste that
   * was late the text may be there twice: the box is emptied, and filled anew.
   */
  async paste(text: string): Promise<boolean> {
    const { dir, tmux, live, terminal } = this.#ports
    writeFileSync(join(dir, pasteFile), typeable(text, terminal), { mode: 0o600 })
    let isAlone = true
    for (let i = 0; i < pastes && live.window; i++) {
      await tmux.run(...pasteInto(live.window))
      await delay(pasteMs)
      const isThere = await this.#isFilled()
      if (isThere && isAlone) return true
      isAlone = isThere && (await this.clear())
    }
    return false
  }

  /** Presses keys and waits for screens; false when one did not come. */
  async take(steps: readonly Step[]): Promise<boolean> {
    for (const step of steps) {
      if ('press' in step) {
        if (!(await this.#pressed(step.press, step.whileShows))) return false
      } else if (!(await this.#shows(step.await, step.withinMs))) return false
    }
    return true
  }

  /** Empties the input box; false when something stays in it. */
  async clear(): Promise<boolean> {
    const { live, terminal } = this.#ports
    let before = terminal.input(await live.screen())
    for (let i = 0; i < clears && before; i++) {
      await this.take(terminal.clear)
      if (i > 0) await delay(stepLookMs)
      const now = terminal.input(await live.screen())
      // What no key takes away is a hint that the program shows in an empty box.
      if (now === before && i > 1) return true
      before = now
    }
    return !before
  }

  /** Whether the box holds (a part of) this text; programs show a long paste as a note of it. */
  async holds(text: string): Promise<boolean> {
    const draft = this.#ports.terminal.input(await this.#ports.live.screen())
    if (!draft) return false
    const bare = (some: string) => some.replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, '')
    return /\[pasted /i.test(draft) || bare(text).includes(bare(draft.split('\n')[0]!).slice(0, 60))
  }

  async press(key: string): Promise<void> {
    const { tmux, live } = this.#ports
    if (live.window) await tmux.run(pressKey(live.window, key))
  }

  async #pressed(key: string, whileShows: RegExp | undefined): Promise<boolean> {
    const shown = whileShows?.exec(await this.#ports.live.screen())?.[0]
    for (let i = 0; i < presses; i++) {
      await this.press(key)
      if (shown === undefined || (await this.#changes(whileShows!, shown))) return true
    }
    return false
  }

  async #isFilled(): Promise<boolean> {
    const { live, terminal } = this.#ports
    const until = performance.now() + droppedMs
    while (performance.now() < until) {
      if (terminal.input(await live.screen()) !== '') return true
      await delay(stepLookMs)
    }
    return false
  }

  async #changes(text: RegExp, from: string): Promise<boolean> {
    const until = performance.now() + lostMs
    while (performance.now() < until) {
      if (text.exec(await this.#ports.live.screen())?.[0] !== from) return true
      await delay(stepLookMs)
    }
    return false
  }

  async #shows(text: RegExp, withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs
    for (;;) {
      if (text.test(await this.#ports.live.screen())) return true
      if (performance.now() > until) return false
      await delay(stepLookMs)
    }
  }
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/**
 * A text as it may be typed: without what a terminal would act upon. In front of a first character
 * that a program would take for a command (`!`, `/`, `#`, `@` …) goes a space, and one follows a
 * backslash at the end, which would make a new line of Enter.
 */
export function typeable(text: string, { literal = spaced }: Pick<Terminal, 'literal'>): string {
  const plain = text.replaceAll(/\r\n?/g, '\n').replaceAll(control, '').trimEnd()
  return literal(plain.endsWith('\\') ? `${plain} ` : plain)
}
