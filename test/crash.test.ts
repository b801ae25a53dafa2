import { setTimeout as pause } from 'node:timers/promises'
import { execaSync } from 'execa'
import t from 'tap'
import type { Task } from '../src/supervisor/domain/task.ts'
import { Field, perRound } from './support/field.ts'

/** Rounds of each kill; the full run is SQUADD_ROUNDS=20. */
const rounds = Number(process.env['SQUADD_ROUNDS'] ?? 3)

/** The pid of the tmux server behind a socket, or null when it is just gone. */
function serverOf(socket: string): number | null {
  const answer = execaSync('tmux', ['-S', socket, 'display-message', '-p', '#{pid}'], {
    reject: false,
  })
  return Number(answer.stdout) || null
}

t.setTimeout(rounds * 60_000)

const anyOf = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!

/** Resolves at a random moment while tasks run. */
const someMoment = () => pause(Math.random() * 700)

t.test('kill -9 of the supervisor loses no task and runs none twice', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open()
  for (let round = 0; round < rounds; round++) {
    const pid = await field.squad.pid()
    const tasks = await field.submit(`s${round}`)
    await someMoment()
    process.kill(pid, 'SIGKILL')
    field.client.close()
    await field.start()
    const ended = await field.settled(tasks)
    t.equal(ended.length, perRound)
    t.ok(
      ended.every((task) => task.state === 'completed'),
      `round ${round}: every task completed`,
    )
    const lines = field.lines(`s${round}`)
    t.equal(lines.size, perRound, 'every program ran')
    for (const [name, { began, ended: over }] of lines) {
      t.same([began.length, over.length], [1, 1], `${name} ran once`)
      t.same(began, over, `${name} kept its pid`)
    }
  }
})

t.test('kill -9 of an agent host: another adopts what runs', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  // So many kills a minute are what the restart brake is against.
  field.configure({ restartIntensity: 100 })
  await field.open()
  for (let round = 0; round < rounds; round++) {
    const tasks = await field.submit(`h${round}`)
    await someMoment()
    const victim = anyOf((await field.agentViews()).filter((agent) => agent.hostPid !== null))
    process.kill(victim.hostPid!, 'SIGKILL')
    const ended = await field.settled(tasks)
    t.ok(
      ended.every((task) => task.state === 'completed'),
      `round ${round}: every task completed`,
    )
    for (const [name, { began }] of field.lines(`h${round}`))
      t.equal(began.length, 1, `${name} ran once`)
  }
})

t.test('kill -9 of a tmux server: its program runs on and its end is recorded', async (t) => {
  const field = new Field()
  t.teardown(() => field.close())
  await field.open()
  for (let round = 0; round < rounds; round++) {
    const tasks = await field.submit(`t${round}`)
    await someMoment()
    const victim = anyOf(await field.agentViews())
    const server = serverOf(victim.tmuxSocket)
    if (server) process.kill(server, 'SIGKILL')
    const ended = await field.settled(tasks)
    t.ok(
      ended.every((task) => task.state === 'completed'),
      `round ${round}: every task completed`,
    )
    for (const [name, { began }] of field.lines(`t${round}`))
      t.equal(began.length, 1, `${name} ran once`)
  }
})

t.test(
  'kill -9 of a launcher: its task is held as unknown and nothing is left running',
  async (t) => {
    const field = new Field()
    t.teardown(() => field.close())
    await field.open()
    for (let round = 0; round < rounds; round++) {
      const name = `l${round}`
      const prompt = `echo "began ${name}.0 $PPID" >> '${field.journal}'; exec sleep 600`
      const [task] = (await field.client.call('tasks.add', { tasks: [{ prompt }] })) as Task[]
      process.kill(await field.pidOf(name), 'SIGKILL')
      const [ended] = await field.settled([task!])
      t.match(ended, { state: 'held', outcome: 'unknown' })
      await field.client.call('tasks.cancel', { id: task!.id })
    }
    await field.squad.json('stop', '--stop-agents')
    t.same(
      field.squad.leftovers().filter((one) => one.startsWith('process')),
      [],
    )
  },
)
