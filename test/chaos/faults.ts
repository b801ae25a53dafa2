import { globSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Seen } from '../support/invariants/processes.ts'
import { processesOf } from '../support/invariants/processes.ts'
import { readFacts } from '../../src/workers/outbox.ts'
import type { Fault, FaultName } from './plan.ts'
import type { World } from './world.ts'

/** What a fault does; answers what it met, or null when there was nothing to hit. */
type Strike = (world: World, fault: Fault) => Promise<string | null>

const hour = 3_600_000

/** Processes that were stopped go on by themselves later, however the run ends. */
const stopped = new Map<NodeJS.Timeout, () => void>()

/** Ends every fault that lasts. */
export function relent(world: World): void {
  for (const [timer, end] of stopped) {
    clearTimeout(timer)
    end()
  }
  stopped.clear()
  world.disk?.free()
  world.moveClock(0)
}

export const strikes: Record<FaultName, Strike> = {
  async 'kill supervisor'(world, { size }) {
    const { pid } = world
    signal(pid, 'SIGKILL')
    await pause(size * 1500)
    await world.start()
    return `pid ${pid}`
  },
  async 'terminate supervisor'(world) {
    const { exitCode } = await world.squad.run('stop')
    await world.start()
    return `stop: exit ${exitCode}`
  },
  async 'start twice'(world) {
    const answers = await Promise.all([world.squad.run('start'), world.squad.run('start')])
    return answers.map(({ exitCode }) => exitCode).join()
  },
  'kill host': (world, fault) => hit(world, fault, 'SIGKILL', ({ kind }) => kind === 'host'),
  'kill tmux server': (world, fault) => hit(world, fault, 'SIGKILL', ({ kind }) => kind === 'tmux'),
  'kill program': (world, fault) => hit(world, fault, 'SIGKILL', ({ kind }) => kind === 'run'),
  async 'kill launcher'(world, { pick }) {
    const all = launchersOf(world)
    const pid = all[Math.floor(pick * all.length)]
    if (pid === undefined) return null
    signal(pid, 'SIGKILL')
    return `pid ${pid}`
  },
  'stop host': (world, fault) => halt(world, fault, ({ kind }) => kind === 'host'),
  'stop tmux server': (world, fault) => halt(world, fault, ({ kind }) => kind === 'tmux'),
  'stop program': (world, fault) => halt(world, fault, ({ kind }) => kind === 'run'),
  async 'stop supervisor'(world, { size }) {
    const { pid } = world
    signal(pid, 'SIGSTOP')
    await pause(500 + size * 4000)
    signal(pid, 'SIGCONT')
    return `pid ${pid}`
  },
  'remove worktree': (world, fault) =>
    remove(world, fault, (home, key, name) => join(home, 'worktrees', name)),
  'remove outbox': (world, fault) =>
    remove(world, fault, (home, key) => join(home, 'agents', key, 'outbox')),
  'remove launch files': (world, fault) =>
    remove(world, fault, (home, key) => join(home, 'agents', key, 'launch')),
  'remove tmux socket': (world, fault) =>
    remove(world, fault, (home, key) => join(home, 'run', `${key}.sock`)),
  async 'fill disk'(world, { size }) {
    if (!world.disk) return null
    world.disk.fill()
    later(1000 + size * 3000, () => world.disk?.free())
    return 'full'
  },
  async 'clock jump'(world, { size, pick }) {
    if (!world.canMoveClock) return null
    const ms = Math.round((size - 0.5) * 4 * hour)
    world.moveClock(pick < 0.3 ? 0 : ms)
    return pick < 0.3 ? 'back to the truth' : `${ms} ms`
  },
  async 'cancel task'(world, { pick }) {
    const open = world.invariants.ledger.tasks.filter(({ state }) =>
      /ready|running|delayed|held/.test(state),
    )
    const task = open[Math.floor(pick * open.length)]
    if (!task) return null
    return `${task.id}: ${await said(world.client.call('tasks.cancel', { id: task.id }))}`
  },
  async 'interrupt agent'(world, { pick }) {
    const id = nameOf(world, pick)
    const paused = await said(world.client.call('agents.pause', { id, now: true }))
    return `${id}: ${paused}, ${await said(world.client.call('agents.resume', { id }))}`
  },
  async 'restart agent'(world, { pick }) {
    const id = nameOf(world, pick)
    return `${id}: ${await said(world.client.call('agents.restart', { id }))}`
  },
  async 'replace agent'(world, { pick, size }) {
    const id = nameOf(world, pick)
    const { client, invariants } = world
    const row = invariants.ledger.agents.find(({ name }) => name === id)
    // Only what nobody else may delete meanwhile is squadd's to keep.
    if (!row || (await said(client.call('agents.pause', { id, now: true }))) !== 'ok') return null
    const name = `unsaved-${size}`
    const isPlanted = invariants.canaries.plant(row.worktree, name, `work ${size}\n`)
    const removed = await said(client.call('agents.remove', { id }))
    if (removed !== 'ok' && isPlanted) invariants.canaries.forget(row.worktree, name)
    return `${id}: ${removed}, ${await said(world.addAgent(id))}`
  },
}

/** The launchers that have told who they are and still run. */
function launchersOf(world: World): number[] {
  const running = new Set(seenIn(world, ({ kind }) => kind === 'run').map(({ attempt }) => attempt))
  const facts = globSync(join(world.squad.home, 'agents/*/outbox/*.started'))
  return facts.flatMap((file) => {
    const attempt = basename(file, '.started')
    // It may be gone by now.
    const { started } = readFacts(dirname(file), attempt)
    if (started?.by !== 'launcher' || !started.process || !running.has(attempt)) return []
    return [started.process.launcher.pid]
  })
}

const seenIn = (world: World, which: (one: Seen) => boolean): Seen[] =>
  processesOf(world.invariants.ledger.instance).filter(which)

/** Some process of a kind gets a signal. */
async function hit(
  world: World,
  { pick }: Fault,
  name: NodeJS.Signals,
  which: (one: Seen) => boolean,
) {
  const all = seenIn(world, which)
  const one = all[Math.floor(pick * all.length)]
  if (!one) return null
  signal(one.pid, name)
  return `pid ${one.pid} of ${one.attempt ?? one.agent}`
}

/** Some process of a kind stands still for a while. */
async function halt(world: World, fault: Fault, which: (one: Seen) => boolean) {
  const all = seenIn(world, which)
  const one = all[Math.floor(fault.pick * all.length)]
  if (!one) return null
  signal(one.pid, 'SIGSTOP')
  later(500 + fault.size * 15_000, () => signal(one.pid, 'SIGCONT'))
  return `pid ${one.pid} of ${one.attempt ?? one.agent}`
}

async function remove(
  world: World,
  { pick }: Fault,
  path: (home: string, key: string, name: string) => string,
) {
  const { agents } = world.invariants.ledger
  const agent = agents[Math.floor(pick * agents.length)]
  if (!agent) return null
  rmSync(path(world.squad.home, agent.key, agent.name), {
    recursive: true,
    force: true,
    maxRetries: 3,
  })
  return agent.name
}

function nameOf(world: World, pick: number): string {
  const { agents } = world.invariants.ledger
  return agents[Math.floor(pick * agents.length)]?.name ?? 'ada'
}

const said = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? 'failed',
  )

function later(ms: number, end: () => void): void {
  const timer = setTimeout(() => {
    stopped.delete(timer)
    end()
  }, ms)
  stopped.set(timer, end)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}
