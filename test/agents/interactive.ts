import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import type { Test } from 'tap'
import t from 'tap'
import type { Cause, Outcome } from '../../src/supervisor/domain/task.ts'
import { Crew } from './crew.ts'
import type { Program } from './home.ts'
import { outside } from './namespace.ts'
import { traits } from './traits.ts'

export type Fault = { prompt: string; outcome: Outcome; cause: Cause; timeoutMs?: number }

export type Interactive = {
  program: Program
  faults: readonly Fault[]
}

/** Lines that a shell, a template or an input box would act upon. */
const hostile = Array.from({ length: 400 }, (_, i) =>
  [
    `line ${i} $(touch PWNED1) \`touch PWNED2\` ; touch PWNED3 | sh`,
    `'single' "double" \\ %s {prompt} ~ * ? # ! é 漢字 @nothing.here`,
  ].join(' '),
).join('\n')

/** The scenarios that every interactive program has to pass. */
export function interactive(how: Interactive): void {
  const { program } = how
  const { asking, untouched, blockOnce } = traits[program]
  const skip = outside()
  const name = 'ada'
  const latencies: number[] = []

  const open = async (t: Test, input = {}): Promise<Crew> => {
    const crew = await Crew.open(t, program)
    await crew.agent(name, input)
    return crew
  }

  t.test(`${program}: one conversation, from task to task`, { skip }, async (t) => {
    const crew = await Crew.open(t, program)
    const before = crew.userFiles(...untouched)
    await crew.agent(name)
    const fine = async (prompt: string, text: string) => {
      const done = await crew.do(prompt)
      t.match(done, { state: 'completed', outcome: 'succeeded', result: { output: text } }, prompt)
      if (done.lateMs !== null) latencies.push(done.lateMs)
      return done
    }

    const first = await fine('[[usage: 1000 20]] [[say: STUB-HELLO]]', 'STUB-HELLO')
    t.match(first.result?.usage, { inputTokens: 1000, outputTokens: 20 }, 'the usage of this turn')
    t.equal((await crew.output(first.id)).trim(), 'STUB-HELLO')

    const written = await fine('[[write: a.txt|hi there]] [[say: Written.]]', 'Written.')
    t.match(written.result?.git, { filesChanged: 1, dirty: true }, 'git has seen the file')
    t.equal(readFileSync(join(await crew.worktree(name), 'a.txt'), 'utf8'), 'hi there')

    const { id } = await crew.add(`${hostile}\nthe last line`)
    t.match(await crew.settled(id), { state: 'completed', outcome: 'succeeded' })
    t.match(
      await crew.output(id),
      /lines=40[13] /,
      'it arrived whole, perhaps between two lines of the program',
    )
    for (const prompt of ['/help', '!touch PWNED', '@README.md', '#note', '?', 'see @REA', 'a\\']) {
      t.match(await crew.doAsIs(prompt), { state: 'completed' }, `${prompt} is a prompt`)
      t.match(crew.stub.requests().findLast(({ side }) => !side)?.prompt, prompt)
    }
    const files = readdirSync(await crew.worktree(name))
    t.notOk(
      files.some((file) => file.startsWith('PWNED')),
      'nothing of it was executed',
    )

    await fine(
      '[[say: esc to cancel. esc again to interrupt. ● 1. Allow once. △ Permission required: Allow once   Allow always   Reject]]',
      'esc to cancel',
    )
    await fine('[[recall]]', 'first="[[id: m1]]')
    t.same(crew.userFiles(...untouched), before, 'the files of the user are as they were')
    t.equal(execaSync('git', ['-C', crew.repo, 'status', '--porcelain']).stdout, '')
    t.equal(
      execaSync('git', ['-C', await crew.worktree(name), 'status', '--porcelain']).stdout.trim(),
      '?? a.txt',
      'nothing of ours is in the worktree',
    )
  })

  t.test(`${program}: failures say what they are, and the next is fine`, { skip }, async (t) => {
    const crew = await open(t)
    for (const { prompt, outcome, cause, timeoutMs } of how.faults) {
      const done = await crew.attempt(prompt, timeoutMs ? { timeoutMs } : {})
      const said = String(done['reason'])
      t.match(done, { outcome, cause }, `${prompt}: ${outcome}, ${cause}: ${said}`)
      t.match(await crew.do('[[say: Next.]]'), { state: 'completed', result: { output: 'Next.' } })
    }
  })

  t.test(`${program}: a permission is asked for and answered`, { skip }, async (t) => {
    const crew = await open(t)
    const yes = await crew.add(`${asking('touch yes.txt')} [[say: Touched.]]`)
    t.match(await crew.question(yes.id), 'touch yes.txt')
    t.equal((await crew.view(name)).state, 'waiting')
    await crew.answer(name, 'yes')
    t.match(await crew.settled(yes.id), { state: 'completed', result: { output: 'Touched.' } })
    t.ok(existsSync(join(await crew.worktree(name), 'yes.txt')))

    const no = await crew.add(`${asking('touch no.txt')} [[say: Not touched.]]`)
    await crew.question(no.id)
    await crew.answer(name, 'no')
    t.match(await crew.settled(no.id), { state: 'held', outcome: 'unknown' }, 'that person decides')
    t.notOk(existsSync(join(await crew.worktree(name), 'no.txt')))
    t.match(await crew.do('[[say: Next.]]'), { state: 'completed', result: { output: 'Next.' } })
  })

  t.test(`${program}: nobody is asked where everything is allowed`, { skip }, async (t) => {
    const crew = await open(t, { permission: 'auto' })
    const done = await crew.do(`${asking('touch yes.txt')} [[say: Touched.]]`)
    t.match(done, { state: 'completed', result: { output: 'Touched.' } })
    t.ok(existsSync(join(await crew.worktree(name), 'yes.txt')))
  })

  t.test(`${program}: what is broken off has ended, and the next is fine`, { skip }, async (t) => {
    const crew = await open(t)
    const next = async (text: string) =>
      t.match(await crew.do(`[[say: ${text}]]`), { state: 'completed', result: { output: text } })
    await next('Ready.')

    const late = await crew.do('[[delay: 60]] [[say: Too late.]]', { timeoutMs: 4000 })
    t.match(late, { outcome: 'timed_out' })
    await next('After the limit.')

    const asks = await crew.do(`${asking('touch no.txt')} [[say: No.]]`, { timeoutMs: 6000 })
    t.match(asks, { outcome: 'timed_out' })
    await next('After a question.')

    const silent = await crew.add('[[delay: 60]] [[say: Too late.]]')
    await crew.asked(silent.mark)
    await crew.client.call('tasks.cancel', { id: silent.id })
    t.match(await crew.settled(silent.id), { state: 'cancelled' })
    await next('After a cancel.')

    const streaming = await crew.add('[[drip: 100]] [[long: 3000]]')
    await crew.asked(streaming.mark)
    await crew.client.call('tasks.cancel', { id: streaming.id })
    t.match(await crew.settled(streaming.id), { state: 'cancelled' })
    await next('After a stream.')

    const escaped = await crew.add('[[delay: 60]] [[say: Too late.]]')
    await crew.asked(escaped.mark)
    const { tmuxSocket } = await crew.view(name)
    const press = () => execaSync('tmux', ['-S', tmuxSocket, 'send-keys', '-t', ':.', 'Escape'])
    const pressed = setInterval(press, 700)
    t.match(await crew.settled(escaped.id), { state: 'held', outcome: 'unknown' }, 'by a person')
    clearInterval(pressed)
    await next('After a person.')
  })

  t.test(`${program}: whoever dies, there is exactly one result`, { skip }, async (t) => {
    const crew = await open(t)
    await crew.do('[[say: Ready.]]')
    const host = await crew.add('[[delay: 3]] [[say: One.]]')
    await crew.asked(host.mark)
    process.kill((await crew.view(name)).hostPid!, 'SIGKILL')
    t.match(await crew.settled(host.id), {
      state: 'completed',
      attempt: 1,
      result: { output: 'One.' },
    })

    const away = await crew.add('[[delay: 2]] [[say: Two.]]')
    await crew.asked(away.mark)
    process.kill(await crew.pid(), 'SIGKILL')
    await crew.stub.until(({ marker, lastByteAt }) => marker === away.mark && lastByteAt !== null)
    await crew.start()
    t.match(await crew.settled(away.id), {
      state: 'completed',
      attempt: 1,
      result: { output: 'Two.' },
    })

    const through = await crew.add('[[delay: 6]] [[say: Three.]]')
    await crew.asked(through.mark)
    process.kill(await crew.pid(), 'SIGKILL')
    await crew.start()
    t.match(await crew.settled(through.id), { state: 'completed', attempt: 1 })
    for (const { mark } of [host, away, through])
      t.equal(
        crew.stub.requests().filter(({ marker, side }) => marker === mark && !side).length,
        1,
        'the model was asked once',
      )

    const program = await crew.add('[[delay: 60]] [[say: Too late.]]')
    await crew.asked(program.mark)
    process.kill((await crew.view(name)).programPid!, 'SIGKILL')
    t.match(await crew.settled(program.id), { outcome: 'failed', cause: 'crashed' })
    const recalled = await crew.do('[[recall]]')
    const itself = { state: 'completed', result: { output: 'first="[[id: m1]]' } }
    t.match(recalled, itself, `after its program was killed: ${recalled.reason}`)
  })

  t.test(`${program}: a released agent still knows its first prompt`, { skip }, async (t) => {
    const crew = await open(t)
    await crew.do('[[say: Ready.]]')
    const { exitCode, stderr } = await crew.run('agent', 'pause', name, '--release')
    t.equal(exitCode, 0, stderr)
    await crew.client.call('agents.resume', { id: name })
    const recalled = await crew.do('[[recall]]')
    t.match(recalled, { state: 'completed', result: { output: 'first="[[id: m1]]' } })
    await crew.client.call('agents.stop', { id: name })
    t.same(
      crew.leftovers().filter((one) => one.includes(program)),
      [],
      'nothing survives its agent',
    )
  })

  if (blockOnce)
    t.test(
      `${program}: where a hook of the user sends it on, the real end counts`,
      { skip },
      async (t) => {
        const crew = await Crew.open(t, program, ({ userHome, dir }) =>
          blockOnce(userHome, join(dir, 'blocked'), '[[id: again]] [[delay: 2]] [[say: Second.]]'),
        )
        await crew.agent(name)
        const done = await crew.do('[[say: First.]]')
        t.match(done, { state: 'completed', result: { output: /^Second\.\s*$/ } })
        const last = crew.stub
          .requests()
          .findLast(({ marker, side }) => marker === 'again' && !side)
        t.ok(done.endedAt! >= last!.lastByteAt!, 'recorded after the real end')
      },
    )

  t.teardown(() => {
    const sorted = latencies.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]
    console.log(`# ${program}: last byte → recorded: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
  })
}
