import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { interactiveFor } from './interactive-agent.ts'

t.setTimeout(120_000)
// Each has a program and a tmux of its own, and mostly waits.
t.jobs = 5

t.test('prompts are typed one after the other into one program', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  const pid = agent.interactive.live.pid
  const first = await agent.do('hello world')
  t.match(first, { outcome: 'succeeded', result: { output: 'did hello world' } })
  t.match(await agent.do('second\nof two lines'), { outcome: 'succeeded' })
  t.same(agent.prompts(), ['hello world', 'second\nof two lines'])
  t.equal(agent.interactive.live.pid, pid, 'the program goes on')
  t.match(await agent.message('conversation'), { id: 'c1' })
  t.match(await agent.message('started'), { programPid: pid })
})

t.test('the check of a task decides with the program', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  t.match(await agent.do('one', ['true']), { outcome: 'succeeded' })
  t.match(await agent.do('two', ['false']), { outcome: 'failed', reason: 'verify false exit 1' })
  t.match(await agent.do('three', ['no-such-program']), { outcome: 'failed', reason: /exit 127/ })
})

t.test('an Enter that was swallowed is pressed again', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  t.match(await agent.do('swallow me once'), { outcome: 'succeeded' })
  t.same(agent.prompts(), ['swallow me once'])
})

t.test('a program that reads late gets the prompt once', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  const { pid } = agent.interactive.live
  process.kill(pid!, 'SIGSTOP')
  const again = agent.pasted(2)
  const turn = agent.turn('hello')
  void turn.launch()
  await again
  process.kill(pid!, 'SIGCONT')
  t.match(await agent.verdict(turn), { outcome: 'succeeded', result: { output: 'did hello' } })
  t.same(agent.prompts(), ['hello'])
  await turn.clean()
})

t.test(
  'a prompt that is never taken is taken back, and did not start',
  { buffered: true },
  async (t) => {
    const agent = await interactiveFor(t)
    t.match(await agent.do('deaf to this'), { outcome: 'not_started', startedAt: null })
    t.match(await agent.do('next'), { outcome: 'succeeded' })
    t.same(agent.prompts(), ['next'], 'nothing of it is in the box')
  },
)

t.test(
  'a program that says nothing of a prompt leaves it unknown',
  { buffered: true },
  async (t) => {
    const agent = await interactiveFor(t)
    t.match(await agent.do('mute work'), { outcome: 'unknown' })
  },
)

t.test('a time limit breaks it off, and the program goes on', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  const { pid } = agent.interactive.live
  const turn = agent.turn('hang on')
  void turn.launch()
  await agent.message('started')
  await turn.stop('timed_out')
  t.match(await agent.verdict(turn), { outcome: 'timed_out', cause: 'timed_out' })
  await turn.clean()
  t.match(await agent.do('next'), { outcome: 'succeeded' })
  t.equal(agent.interactive.live.pid, pid)
})

t.test(
  'one that cannot be broken off is ended, and the next prompt has a new one',
  { buffered: true },
  async (t) => {
    const agent = await interactiveFor(t)
    const { pid } = agent.interactive.live
    const turn = agent.turn('stone deaf')
    void turn.launch()
    await agent.message('started')
    await turn.stop('cancelled', 500)
    t.match(await agent.verdict(turn), { outcome: 'cancelled' })
    await turn.clean()
    t.notOk(existsSync(`/proc/${pid}`))
    t.match(await agent.do('next'), { outcome: 'succeeded' })
  },
)

t.test('a program that ends in a turn has crashed', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  t.match(await agent.do('crash now'), { outcome: 'failed', cause: 'crashed' })
  t.match(await agent.do('next'), { outcome: 'succeeded' }, 'it is started again')
})

t.test('what it asks is told; yes and no are keys', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  await t.rejects(agent.interactive.answer('yes'), { code: 'SQUADD_CONFLICT' })
  for (const [choice, outcome] of [
    ['yes', 'succeeded'],
    ['no', 'unknown'],
  ] as const) {
    const turn = agent.turn(`ask for ${choice}`)
    const { key } = turn.order
    void turn.launch()
    await agent.message('asks', (asks) => asks.key === key && asks.question === 'allow?')
    await t.rejects(agent.interactive.answer('perhaps'), { code: 'SQUADD_CONFLICT' })
    await agent.interactive.answer(choice)
    t.match(await agent.verdict(turn), { outcome })
    await agent.message('asks', (asks) => asks.key === key && asks.question === null)
    await turn.clean()
  }
})

t.test('a person goes first: who scrolls or types is waited for', { buffered: true }, async (t) => {
  const agent = await interactiveFor(t)
  agent.person('copy-mode', '-t', 'sq:program')
  const turn = agent.turn('polite')
  void turn.launch()
  t.equal(await agent.interactive.obstacle(), 'someone scrolls in its window')
  t.same(agent.prompts(), [])
  agent.person('send-keys', '-t', 'sq:program', '-X', 'cancel')
  t.match(await agent.verdict(turn), { outcome: 'succeeded' })
  await turn.clean()

  // A real terminal of his, by a second tmux around the client.
  const outer = join(agent.agent.home, 'outer.sock')
  const attach = ['tmux', '-S', agent.agent.setup.socket, 'attach', '-t', '=sq']
  const env = { ...process.env, TMUX: '' }
  const his = spawn('tmux', ['-S', outer, '-f', '/dev/null', '-C', 'new', ...attach], { env })
  t.teardown(() => his.kill('SIGKILL'))
  await agent.attached()
  his.stdin.write('send-keys x\n')
  await agent.shows(/> x/)
  t.equal(await agent.interactive.obstacle(), 'someone types in its window')
  const waiting = agent.turn('after him')
  void waiting.launch()
  his.stdin.write('send-keys C-u\n')
  t.match(await agent.verdict(waiting), { outcome: 'succeeded' })
  t.same(agent.prompts(), ['polite', 'after him'], 'his key is not in it')
  his.stdin.write('kill-server\n')
})

t.test(
  'the next host goes on with a turn, wherever the last one was',
  { buffered: true },
  async (t) => {
    const agent = await interactiveFor(t)
    const flag = join(agent.agent.home, 'flag')
    const turn = agent.turn(`wait ${flag}`)
    void turn.launch()
    await agent.message('started')
    agent.abandon()
    await agent.open()
    const adopted = agent.again(turn)
    adopted.recall()
    await adopted.resume(null)
    t.ok(adopted.isOpen)
    writeFileSync(flag, '')
    t.match(await agent.verdict(adopted), { outcome: 'succeeded', result: { output: /^did wait/ } })
    t.equal(agent.prompts().length, 1, 'typed once')
  },
)

t.test(
  'a turn that ended while no host was there is judged by what it left',
  { buffered: true },
  async (t) => {
    const agent = await interactiveFor(t)
    const flag = join(agent.agent.home, 'flag')
    const turn = agent.turn(`wait ${flag}`)
    void turn.launch()
    await agent.message('started')
    agent.abandon()
    writeFileSync(flag, '')
    await agent.shows(/^ready/m)
    await agent.open()
    const adopted = agent.again(turn)
    adopted.recall()
    await adopted.resume(null)
    t.match(await agent.verdict(adopted), { outcome: 'succeeded' })
  },
)

t.test(
  'without its tmux server a program is ended, its turn has crashed, and the next has another',
  async (t) => {
    const agent = await interactiveFor(t)
    const { pid } = agent.interactive.live
    const turn = agent.turn('hang on')
    void turn.launch()
    await agent.message('started')
    process.kill(agent.tmux.pid, 'SIGKILL')
    t.match(await agent.verdict(turn), { outcome: 'failed', cause: 'crashed' })
    await turn.clean()
    t.notOk(existsSync(`/proc/${pid}`))
    t.match(await agent.do('next'), { outcome: 'succeeded' })
  },
)
