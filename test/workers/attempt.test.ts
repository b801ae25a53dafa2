import { mkdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import type { FromHost, Verdict } from '../../src/supervisor/domain/message.ts'
import { Attempt } from '../../src/workers/attempt.ts'
import { Conversation } from '../../src/workers/conversation.ts'
import { GitEvidence } from '../../src/workers/git-evidence.ts'
import { programOf } from '../../src/workers/programs/programs.ts'
import type { Command } from '../../src/workers/tmux-commands.ts'
import { tmuxConf } from '../../src/workers/tmux-commands.ts'
import { Tmux } from '../../src/workers/tmux.ts'
import type { TmuxOptions } from '../../src/workers/tmux.ts'
import { TestAgent } from './agent.ts'

/** A tmux that takes its time: nothing is done before `goOn`. */
class SlowTmux extends Tmux {
  readonly #wait = Promise.withResolvers<void>()
  readonly #asked = Promise.withResolvers<void>()
  readonly goOn = this.#wait.resolve
  readonly whenAsked = this.#asked.promise

  override async run(...commands: Command[]): Promise<string[][]> {
    this.#asked.resolve()
    await this.#wait.promise
    return super.run(...commands)
  }
}

/** A tmux whose answer comes when the window that was opened has closed again. */
class LateTmux extends Tmux {
  readonly whenClosed: Promise<void>

  constructor({ onWindowClosed, ...options }: TmuxOptions) {
    const closed = Promise.withResolvers<void>()
    super({ ...options, onWindowClosed: (id) => (onWindowClosed(id), closed.resolve()) })
    this.whenClosed = closed.promise
  }

  override async run(...commands: Command[]): Promise<string[][]> {
    const answer = await super.run(...commands)
    await this.whenClosed
    return answer
  }
}

/** An attempt of a shell on a tmux of its own, and its verdict when that is out. */
async function attemptOn<T extends Tmux>(
  t: Test,
  Kind: new (options: TmuxOptions) => T,
  prompt: string,
) {
  const agent = new TestAgent()
  t.teardown(() => agent.remove())
  const { setup } = agent
  for (const folder of [setup.dir, setup.outbox, join(setup.dir, 'launch'), setup.logs])
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(setup.dir, 'tmux.conf'), tmuxConf)
  const { promise: verdict, resolve: judged } = Promise.withResolvers<Verdict>()
  const send = (message: FromHost) => {
    if (message.kind === 'verdict') judged(message.verdict)
  }
  const tmux = new Kind({
    ...{ socket: setup.socket, cwd: setup.dir, env: setup.env, runPrefix: setup.runPrefix },
    ...{ onRestored: () => {}, onLost: () => {} },
    onWindowClosed: (id) => {
      if (id === attempt.windowId) void attempt.loseWindow()
    },
  })
  await tmux.open(false)
  t.teardown(() => tmux.end())
  const program = programOf(setup.spec.program)
  const order = agent.order(prompt)
  const attempt: Attempt = new Attempt(order, {
    ...{ setup, tmux, program, isRebooted: false, send },
    git: new GitEvidence(setup.worktree),
    conversation: new Conversation(setup, program, send),
  })
  const watcher = watch(setup.outbox, () => attempt.look())
  t.teardown(() => watcher.close())
  return { attempt, tmux, verdict, script: join(setup.dir, 'launch', `${order.key}.sh`) }
}

t.test('an attempt is not given up while tmux has not yet opened its window', async (t) => {
  const { attempt, tmux, verdict } = await attemptOn(t, SlowTmux, 'exit 3')
  const launch = attempt.launch()
  await tmux.whenAsked
  const check = attempt.check()
  tmux.goOn()
  await Promise.all([launch, check])
  t.match(await verdict, { outcome: 'failed', reason: 'exit status 3' })
  await attempt.clean()
})

t.test('a launcher that ends before its window is known never ran', async (t) => {
  class ScriptlessTmux extends LateTmux {
    override run(...commands: Command[]) {
      rmSync(script, { force: true })
      return super.run(...commands)
    }
  }
  const { attempt, verdict, script } = await attemptOn(t, ScriptlessTmux, 'true')
  await attempt.launch()
  t.match(await verdict, { outcome: 'not_started' })
  await attempt.clean()
})
