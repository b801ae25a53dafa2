import { EventEmitter, on } from 'node:events'
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'
import type { FromHost, Verdict } from '../../src/supervisor/domain/message.ts'
import { Conversation } from '../../src/workers/conversation.ts'
import { GitEvidence } from '../../src/workers/git-evidence.ts'
import { Interactive } from '../../src/workers/interactive.ts'
import { programOf } from '../../src/workers/programs/programs.ts'
import { Screens } from '../../src/workers/screen.ts'
import type { Command } from '../../src/workers/tmux-commands.ts'
import { listPanes, parsePanes, tmuxConf } from '../../src/workers/tmux-commands.ts'
import { Tmux } from '../../src/workers/tmux.ts'
import type { Turn } from '../../src/workers/turn.ts'
import { TestAgent } from './agent.ts'
import { fixtureTerminal } from './fixture-terminal.ts'

type Kind = FromHost['kind']
type Message<K extends Kind> = Extract<FromHost, { kind: K }>

/** A real tmux that tells what it is told. */
class OpenTmux extends Tmux {
  readonly told = new EventEmitter<{ command: [Command] }>()

  override run(...commands: Command[]): Promise<string[][]> {
    for (const command of commands) this.told.emit('command', command)
    return super.run(...commands)
  }
}

/** The interactive side of an agent in this process, on a real tmux, with the fixture's program. */
export class InteractiveAgent {
  readonly agent = new TestAgent({ program: 'shell' }, { stopGraceMs: 1500 })
  readonly log = join(this.agent.home, 'prompts')
  readonly heard: FromHost[] = []
  interactive!: Interactive
  tmux!: OpenTmux
  /** Of hosts that were abandoned too. */
  readonly #clients: Tmux[] = []
  #waiting: (() => void)[] = []
  #unwatch = () => {}
  #tasks = 0

  /** Comes up as a host does: finds what is there, else starts the program. */
  async open(): Promise<this> {
    const { setup } = this.agent
    const { dir, outbox, logs, socket, env, runPrefix, spec } = setup
    for (const folder of [dir, outbox, join(dir, 'launch'), logs])
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(this.log, '', { flag: 'a' })
    writeFileSync(join(dir, 'tmux.conf'), tmuxConf)
    const send = (message: FromHost) => {
      this.heard.push(message)
      for (const look of this.#waiting) look()
    }
    this.tmux = new OpenTmux({
      ...{ socket, cwd: dir, env, runPrefix },
      onWindowClosed: (window) => this.interactive.live.windowClosed(window),
      onRestored: (isSame) => {
        if (!isSame) this.interactive.live.tmuxLost()
      },
      onLost: () => {},
    })
    this.#clients.push(this.tmux)
    await this.tmux.open(false)
    this.interactive = new Interactive(setup, {
      ...{ tmux: this.tmux, screens: new Screens(this.tmux, dir), send },
      terminal: fixtureTerminal(this.log),
      git: new GitEvidence(setup.worktree),
      conversation: new Conversation(setup, programOf(spec.program), send),
    })
    const watcher = watch(outbox, () => this.interactive.live.look())
    this.#unwatch = () => watcher.close()
    const [lines = []] = await this.tmux.run(listPanes())
    await this.interactive.recall(parsePanes(lines), false)
    return this
  }

  turn(prompt: string, verify: string[] | null = null): Turn {
    return this.interactive.turn({ key: `t${++this.#tasks}-1`, prompt, verify })
  }

  /** The turn on the same order as another host sees it. */
  again(turn: Turn): Turn {
    return this.interactive.turn(turn.order)
  }

  async verdict(turn: Turn): Promise<Verdict> {
    const { key } = turn.order
    return (await this.message('verdict', ({ verdict }) => verdict.key === key)).verdict
  }

  /** From typing to its last trace. */
  async do(prompt: string, verify: string[] | null = null): Promise<Verdict> {
    const turn = this.turn(prompt, verify)
    void turn.launch()
    const verdict = await this.verdict(turn)
    await turn.clean()
    return verdict
  }

  /** The first such message, heard already or to come. */
  message<K extends Kind>(kind: K, fits: (message: Message<K>) => boolean = () => true) {
    return new Promise<Message<K>>((resolve) => {
      const look = () => {
        const found = this.heard.find(
          (one): one is Message<K> => one.kind === kind && fits(one as Message<K>),
        )
        if (!found) return
        this.#waiting = this.#waiting.filter((one) => one !== look)
        resolve(found)
      }
      this.#waiting.push(look)
      look()
    })
  }

  /** What the program was given, in order. */
  prompts(): string[] {
    const lines = readFileSync(this.log, 'utf8').trim()
    return lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line) as string)
  }

  /** The tmux of a person, on the same server. */
  person(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.agent.setup.socket, ...args]).toString()
  }

  /** Resolves when so many texts more were pasted. */
  async pasted(count: number): Promise<void> {
    for await (const [command] of on(this.tmux.told, 'command')) {
      if (command.startsWith('paste-buffer')) count -= 1
      if (count === 0) return
    }
  }

  /** Resolves when a person's client is attached. */
  async attached(): Promise<void> {
    while (!this.person('list-clients', '-F', '#{client_control_mode}').includes('0'))
      await new Promise((resolve) => setImmediate(resolve))
  }

  /** Resolves when the program's screen shows it. */
  async shows(text: RegExp): Promise<void> {
    while (!text.test(await this.interactive.live.screen()))
      await new Promise((resolve) => setImmediate(resolve))
  }

  /** Lets go of everything, as a host that is killed does; the program goes on. */
  abandon(): void {
    this.#unwatch()
    this.interactive.live.onSignal = null
  }

  async close(): Promise<void> {
    this.#unwatch()
    this.interactive.live.close()
    await Promise.all(this.#clients.map((client) => client.end()))
    await this.agent.remove()
  }
}

export async function interactiveFor(t: Test): Promise<InteractiveAgent> {
  const agent = await new InteractiveAgent().open()
  t.teardown(() => agent.close())
  await agent.interactive.live.ready()
  return agent
}
