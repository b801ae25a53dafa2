import { setTimeout as pause } from 'node:timers/promises'
import { execaSync } from 'execa'
import type { Test } from 'tap'
import t from 'tap'
import type { Task } from '../src/supervisor/domain/task.ts'
import { perRound } from './support/field.ts'
import { fieldFor } from './support/guarded.ts'
import { seed } from './support/seed.ts'
import { pick, seeded } from './simulation/seeded.ts'

/** Rounds of each kill; `npm run torture` has 20. */
const rounds = Number(process.env['ROUNDS'] ?? 3)

/** The pid of the tmux server behind a socket, or null when it is just gone. */
function serverOf(socket: string): number | null {
  const answer = execaSync('tmux', ['-S', socket, 'display-message', '-p', '#{pid}'], {
    reject: false,
  })
  return Number(answer.stdout) || null
}

t.setTimeout(600_000 + rounds * 60_000)

const random = seeded(seed)

/** Resolves at a random moment while tasks run. */
const someMoment = () => pause(random() * 700)

/** Waits for all tasks of a round: each completed, each program ran once and kept its pid. */
async function eachRanOnce(
  t: Test,
  { field, invariants }: ReturnType<typeof fieldFor>,
  round: string,
  tasks: Task[],
): Promise<void> {
  invariants.acknowledge(tasks)
  const ended = await field.settled(tasks)
  const completed = ended.filter(({ state }) => state === 'completed')
  t.equal(completed.length, perRound, `${round}: every task completed`)
  const lines = field.lines(round)
  t.equal(lines.size, perRound, 'every program ran')
  for (const [name, { began, ended: over }] of lines) {
    t.same([began.length, over.length], [1, 1], `${name} ran once`)
    t.same(began, over, `${name} kept its pid`)
  }
  t.same(await invariants.quiet(field.client), [], 'every invariant holds')
}

t.test(`kill -9 of the supervisor loses no task and runs none twice (seed ${seed})`, async (t) => {
  const { field, invariants } = fieldFor(t)
  await field.open()
  for (let round = 0; round < rounds; round++) {
    const pid = await field.squad.pid()
    const tasks = await field.submit(`s${round}`)
    await someMoment()
    process.kill(pid, 'SIGKILL')
    field.client.close()
    await field.start()
    await eachRanOnce(t, { field, invariants }, `s${round}`, tasks)
  }
})

t.test(`kill -9 of an agent host: another adopts what runs (seed ${seed})`, async (t) => {
  const { field, invariants } = fieldFor(t)
  // So many kills a minute are what the restart brake is against.
  field.configure({ restartIntensity: 100 })
  await field.open()
  for (let round = 0; round < rounds; round++) {
    const tasks = await field.submit(`h${round}`)
    await someMoment()
    const victim = pick(
      random,
      (await field.agentViews()).filter((agent) => agent.hostPid !== null),
    )
    process.kill(victim.hostPid!, 'SIGKILL')
    await eachRanOnce(t, { field, invariants }, `h${round}`, tasks)
  }
})

t.test(
  `kill -9 of a tmux server: its program runs on and its end is recorded (seed ${seed})`,
  async (t) => {
    const { field, invariants } = fieldFor(t)
    await field.open()
    for (let round = 0; round < rounds; round++) {
      const tasks = await field.submit(`t${round}`)
      await someMoment()
      const victim = pick(random, await field.agentViews())
      const server = serverOf(victim.tmuxSocket)
      if (server) process.kill(server, 'SIGKILL')
      await eachRanOnce(t, { field, invariants }, `t${round}`, tasks)
    }
  },
)

t.test(
  'kill -9 of a launcher: its task is held as unknown and nothing is left running',
  async (t) => {
    const { field, invariants } = fieldFor(t)
    await field.open()
    const isLeft = (one: string) => one.includes('sleep 600')
    for (let round = 0; round < rounds; round++) {
      const name = `l${round}`
      const prompt = `echo "began ${name}.0 $PPID" >> '${field.journal}'; exec sleep 600`
      const [task] = (await field.client.call('tasks.add', { tasks: [{ prompt }] })) as Task[]
      process.kill(await field.pidOf(name), 'SIGKILL')
      const [ended] = await field.settled([task!])
      t.match(ended, { state: 'held', outcome: 'unknown' })
      t.same(field.squad.leftovers().filter(isLeft), [], 'its program is gone')
      await field.client.call('tasks.cancel', { id: task!.id })
      t.same(await invariants.quiet(field.client), [], 'every invariant holds')
    }
    invariants.close()
    await field.squad.json('stop', '--stop-agents')
    t.same(
      field.squad.leftovers().filter((one) => one.startsWith('process')),
      [],
    )
  },
)
