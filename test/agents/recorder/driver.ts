import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Recorded } from './program.ts'
import type { Recording } from './recording.ts'
import { cut } from './recording.ts'
import { Pane, readOutbox, Snapshots, Tail } from './sources.ts'
import type { Stage } from './stage.ts'
import { Terminal } from './terminal.ts'

/** One interactive program in a terminal; all that it does is recorded. */
export class Driver {
  readonly program: Recorded
  readonly recording: Recording
  readonly #stage: Stage
  readonly #tails: { read(recording: Recording): void }[]
  #terminal: Terminal | null = null
  #watch: Promise<void> | null = null
  #closed = false
  #pid = 0
  /** The line before which nothing belongs to the last prompt. */
  #from = 0
  #prompts = 0

  constructor(stage: Stage) {
    this.#stage = stage
    this.program = stage.program
    this.recording = stage.recording
    const { transcripts, padding, statuses } = stage.program
    this.#tails = [new Tail(join(stage.place.home, transcripts), padding)]
    if (statuses !== undefined) this.#tails.push(new Snapshots(join(stage.place.home, statuses)))
  }

  /** Starts the program and waits until it takes prompts. */
  async launch(resumed = false): Promise<void> {
    await this.#end()
    this.#from = this.recording.lines.length
    const { dir, place, env, session } = this.#stage
    this.#terminal = new Terminal(dir)
    const argv = resumed ? this.program.resume(place, session) : this.program.launch(place, session)
    this.#pid = await this.#terminal.start(argv, place.tree, env)
    this.recording.add('process', 'start', { argv: cut(argv, 60), pid: this.#pid })
    this.#closed = false
    this.#watch = this.#follow(this.#terminal)
    await this.screen(this.program.ready, 'ready', 60_000)
    if (this.program.readyHook !== undefined) await this.hook(this.program.readyHook)
    await pause(500)
  }

  async #follow(terminal: Terminal): Promise<void> {
    const pane = new Pane(terminal)
    for (let n = 0; !this.#closed; n++) {
      readOutbox(this.#stage.place.outbox, this.recording)
      for (const tail of this.#tails) tail.read(this.recording)
      if (n % 4 === 0) await pane.read(this.recording)
      await pause(25)
    }
  }

  /** Pastes a prompt and submits it. */
  async prompt(text: string, awaited = true): Promise<void> {
    const marker = `p${++this.#prompts}`
    const whole = `[[id: ${marker}]] ${text}`
    this.#from = this.recording.lines.length
    this.recording.begin()
    this.recording.add('key', 'paste', whole)
    await this.#terminal!.paste(whole)
    await pause(300)
    await this.shot('pasted')
    for (let tries = 0; tries < 3; tries++) {
      await this.key('Enter')
      if (!awaited || (await this.hook(this.program.submitted, marker, 5_000))) return
    }
    await this.shot('not submitted')
  }

  async key(name: string): Promise<void> {
    this.recording.add('key', name, null)
    await this.#terminal!.key(name)
  }

  async keys(names: string[]): Promise<void> {
    for (const [i, name] of names.entries()) {
      if (i > 0) await pause(400)
      await this.key(name)
    }
  }

  /** Waits for a hook since the last prompt. */
  hook(name: string, containing = '', limitMs = 60_000): Promise<boolean> {
    return this.recording.until(
      (line) => line.name === name && JSON.stringify(line.data).includes(containing),
      this.#from,
      limitMs,
    )
  }

  /** Waits for a screen and records it. */
  async screen(shows: RegExp, name: string, limitMs = 30_000): Promise<boolean> {
    const limit = performance.now() + limitMs
    while (performance.now() < limit) {
      if (shows.test(await this.#terminal!.screen())) {
        await pause(200)
        await this.shot(name)
        return true
      }
      await pause(100)
    }
    await this.shot(`no ${name}`)
    return false
  }

  async shot(name: string): Promise<void> {
    this.recording.add('screen', name, compact(await this.#terminal!.screen()))
  }

  /** Waits for the permission dialog and answers it. */
  async dialog(keys: string[]): Promise<void> {
    await this.screen(this.program.dialog, 'dialog')
    await pause(500)
    await this.keys(keys)
  }

  /** Waits until the turn looks over and nothing has come for a while. */
  async ended({ quietMs = 2_000, limitMs = 60_000 } = {}): Promise<void> {
    const { lines } = this.recording
    const title = () => String(lines.findLast(({ source }) => source === 'title')?.data)
    const limit = performance.now() + limitMs
    for (;;) {
      const quiet = performance.now() - this.recording.lastAt > quietMs
      if (quiet && this.program.over(lines.slice(this.#from), title())) break
      if (performance.now() > limit) {
        this.recording.add('process', 'recorder-gave-up', { limitMs })
        break
      }
      await pause(50)
    }
    await this.shot('end')
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    this.recording.add('key', name, { pid: this.#pid })
    process.kill(this.#pid, name)
  }

  /** Waits until the program has gone. */
  async gone(): Promise<void> {
    await this.recording.until(({ name }) => name === 'exit', this.#from, 20_000)
    await pause(500)
  }

  async close(): Promise<void> {
    await this.#end()
    readOutbox(this.#stage.place.outbox, this.recording)
  }

  async #end(): Promise<void> {
    this.#closed = true
    await this.#watch
    await this.#terminal?.close()
  }
}

/** The screen without what only fills it: rules, pictures of dots, wide gaps, empty lines. */
const compact = (screen: string): string =>
  screen
    .replace(/([─╌▀▄])\1{9,}/g, '$1$1$1')
    .replace(/^[ \u2800-\u28ff]+$/gm, '')
    .replace(/ {9,}/g, '        ')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
