// npm run chaos -- --seed N --minutes M --json
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isEnded, isSettled } from '../../src/supervisor/domain/task.ts'
import { relent, strikes } from './faults.ts'
import { faults, jobs } from './plan.ts'
import { World } from './world.ts'

/** Tasks that wait or run while things break. */
const crowd = 20
/** Longer than any wait of squadd for something that recovers. */
const settleLimitMs = 300_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const minutes = Number(values.minutes)
if (!Number.isSafeInteger(seed) || !(minutes > 0)) {
  console.error('usage: npm run chaos -- --seed WHOLE_NUMBER --minutes NUMBER --json')
  process.exit(2)
}

const say = (text: string) => console.error(text)
const began = performance.now()
const clock = () => `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`

const world = new World()
const violations = new Map<string, string>()
const skipped: Record<string, number> = {}
let done = 0
let isOver = false

function violated(wrong: readonly string[], after: string): void {
  for (const one of wrong) {
    if (violations.has(one)) continue
    violations.set(one, after)
    say(`${clock()}  VIOLATED after ${after}: ${one}`)
  }
}

/** Keeps the squad busy until it is over. */
async function feed(): Promise<void> {
  for (const job of jobs(seed)) {
    for (;;) {
      if (isOver) return
      const { tasks } = world.invariants.ledger
      if (tasks.filter(({ state }) => !isSettled(state)).length < crowd) break
      await pause(100)
    }
    await world.submit(job)
  }
}

async function breakThings(): Promise<void> {
  const until = performance.now() + minutes * 60_000
  for (const fault of faults(seed)) {
    if (isOver || performance.now() + fault.afterMs > until) return
    await pause(fault.afterMs)
    const met = await strikes[fault.name](world, fault).catch((error: unknown) => {
      violated([`I7: ${String(error)}`], fault.name)
      return 'failed'
    })
    if (met === null) skipped[fault.name] = (skipped[fault.name] ?? 0) + 1
    else done += 1
    say(`${clock()}  ${fault.name}: ${met ?? 'nothing there'}`)
    violated(await world.invariants.now(), fault.name)
    await world.tend().catch((error: unknown) => violated([`I7: ${String(error)}`], fault.name))
  }
}

const unsettled = () => world.invariants.ledger.tasks.filter(({ state }) => !isSettled(state))

/** Nothing breaks any more: everything has to come to its end. */
async function settle(): Promise<void> {
  const until = performance.now() + settleLimitMs
  while (unsettled().length > 0 && performance.now() < until) {
    await world.tend()
    await pause(500)
  }
  for (const { id, state } of unsettled()) {
    const { summary } = await world.client.call('tasks.explain', { id })
    say(`${id} is still ${state}: ${summary}`)
  }
}

/** What the programs themselves say against what the store says. */
function judge() {
  const { tasks } = world.invariants.ledger
  const endings = world.endings()
  const lost = unsettled().length
  const duplicated = tasks.filter(({ key }) => (endings.get(key ?? '') ?? 0) > 1)
  const untrue = tasks.filter(({ key, state }) => {
    const job = world.jobs.get(key ?? '')
    return state === 'completed' && (job?.fails || !endings.has(key ?? ''))
  })
  violated(
    untrue.map(({ id, key }) => `${id} (${world.jobs.get(key!)?.prompt}) is called completed`),
    'the end',
  )
  violated(
    duplicated.map(({ id, key }) => `${id} ran to its end ${endings.get(key!)} times`),
    'the end',
  )
  const ended = tasks.filter(({ state }) => isEnded(state)).length
  return {
    tasks: tasks.length,
    ended,
    held: tasks.length - ended - lost,
    lost,
    duplicated: duplicated.length,
  }
}

say(
  `seed ${seed}: eight agents, ${minutes} min${world.disk ? '' : ', no disk of its own (needs root)'}${world.canMoveClock ? '' : ', no clock of its own (needs libfaketime)'}`,
)
let status = 1
try {
  await world.open()
  const feeding = feed()
  await breakThings()
  isOver = true
  relent(world)
  await feeding
  await settle()
  violated(await world.invariants.quiet(world.client), 'the end')
  const counted = judge()
  await world.squad.run('stop', '--stop-agents')
  world.invariants.close()
  const left = world.squad.leftovers().filter((one) => one.startsWith('process'))
  violated(
    left.map((one) => `I5: ${one} is left`),
    'the stop',
  )
  const all = [...violations.keys()]
  const is = (prefix: string) => all.filter((one) => one.startsWith(prefix)).length
  const report = {
    seed,
    minutes,
    faults: done,
    skipped,
    ...counted,
    lost: counted.lost + is('I1'),
    leaked: is('I5'),
    violations: all.length,
  }
  console.log(values.json ? JSON.stringify(report) : report)
  status = all.length === 0 && report.lost === 0 ? 0 : 1
  if (status) say(`daemon log: ${await world.keepLog()}`)
} finally {
  relent(world)
  await world.close()
}
process.exit(status)
