import { mkdirSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FromHost, Verdict } from '../../src/supervisor/domain/message.ts'
import { Attempt } from '../../src/workers/attempt.ts'
import { Conversation } from '../../src/workers/conversation.ts'
import { GitEvidence } from '../../src/workers/git-evidence.ts'
import { programOf } from '../../src/workers/programs/programs.ts'
import type { Command } from '../../src/workers/tmux-commands.ts'
import { tmuxConf } from '../../src/workers/tmux-commands.ts'
import { Tmux } from '../../src/workers/tmux.ts'
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

t.test('an attempt is not given up while tmux has not yet opened its window', async (t) => {
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
  const tmux = new SlowTmux({
    ...{ socket: setup.socket, cwd: setup.dir, env: setup.env, runPrefix: setup.runPrefix },
    ...{ onWindowClosed: () => {}, onRestored: () => {}, onLost: () => {} },
  })
  await tmux.open(false)
  t.teardown(() => tmux.end())
  const program = programOf(setup.spec.program)
  const attempt = new Attempt(agent.order('exit 3'), {
    ...{ setup, tmux, program, isRebooted: false, send },
    git: new GitEvidence(setup.worktree),
    conversation: new Conversation(setup, program, send),
  })
  const watcher = watch(setup.outbox, () => attempt.look())
  t.teardown(() => watcher.close())

  const launch = attempt.launch()
  await tmux.whenAsked
  const check = attempt.check()
  tmux.goOn()
  await Promise.all([launch, check])
  t.match(await verdict, { outcome: 'failed', reason: 'exit status 3' })
  await attempt.clean()
})
