import { createHash } from 'node:crypto'
import type { AgentInput } from '../../src/supervisor/domain/agent.ts'
import type { Priority, Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import { isEnded, priorities } from '../../src/supervisor/domain/task.ts'
import type { Random } from '../../src/supervisor/domain/time.ts'
import type { Fate } from './fake-terminal.ts'
import { begin, Scene } from './scene.ts'
import { between, exponential, pick, seeded } from './seeded.ts'

export type Day = {
  seed: number
  agents: number
  tasks: number
  hours: number
  /** How much of the agents' time the tasks need, 0 to 1. */
  load: number
  /** Lives through the first hours only. */
  endsAfterHours?: number
}

export type DayResult = {
  scene: Scene
  tasks: Task[]
  /** How long a first attempt waited once it was ready, in ms, by priority. */
  waits: Record<Priority, number[]>
  /** Of the agents' time, how much went into attempts while tasks arrived. */
  usedShare: number
  /** Attempts in the order in which they began. */
  starts: Start[]
}

type Start = { at: number; agent: string; task: string; isFirst: boolean; waitMs: number }

const minute = 60_000
const hour = 60 * minute
// From the end of a program to the next one on that agent, and from a claim to its program.
const overheadMs = 200
// Retries make this much more of the work.
const retried = 1.08

/** Agents of two programs; every fifth has a gpu, every seventh is a mac, and some are both. */
const crew = (count: number): Omit<AgentInput, 'repo'>[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `w${i + 1}`,
    labels: [...(i % 5 === 0 ? ['gpu'] : []), ...(i % 7 === 0 ? ['mac'] : [])],
    ...(i % 3 === 0 ? { program: 'command', argv: ['work'] } : {}),
  }))

/** Lives through a day: tasks come at all times, most in the afternoon, and at times in bursts. */
export async function liveADay(day: Day): Promise<DayResult> {
  const { seed, agents, tasks, hours, endsAfterHours = Infinity } = day
  const random = seeded(seed)
  const end = begin + endsAfterHours * hour
  const meanRunMs = (day.load * agents * hours * hour) / tasks / retried - overheadMs
  const outage = { from: begin + 13 * hour, to: begin + 13 * hour + 20 * minute }
  const scene: Scene = new Scene({
    seed,
    config: { maxConcurrentTasks: agents, labelLimits: { gpu: Math.ceil(agents * 0.16) } },
    fate: (own, agentId) => {
      const isCommand = (Number(agentId.slice(1)) - 1) % 3 === 0
      const isOut = isCommand && scene.now > outage.from && scene.now < outage.to
      return isOut ? unreachable : fateOf(own, meanRunMs)
    },
  })
  const waits: DayResult['waits'] = { critical: [], high: [], normal: [], low: [] }
  const starts: Start[] = []
  let usedMs = 0
  scene.store.onCommitted((events) => {
    for (const { type, data, at, agentId = '', taskId = '' } of events) {
      if (type === 'TaskStarted') {
        const waitMs = Number(data['waitMs'])
        const isFirst = data['fence'] === 1
        starts.push({ at, agent: agentId, task: taskId, isFirst, waitMs })
        if (isFirst) waits[data['priority'] as Priority].push(waitMs)
      }
      if ('durationMs' in data && at < begin + hours * hour) usedMs += Number(data['durationMs'])
    }
  })
  await scene.start()
  await scene.addAgents(crew(agents))
  for (const { at, inputs } of arrivals(random, day)) {
    if (at > end) break
    await advance(scene, at)
    await scene.submit(inputs(scene))
  }
  const usedShare = usedMs / (agents * hours * hour)
  if (endsAfterHours < hours) await advance(scene, end)
  else
    for (let late = 0; late < 12 && scene.moving > 0; late++) await advance(scene, scene.now + hour)
  const all = scene.store.tasks({ limit: tasks }).toReversed()
  return { scene, tasks: all, waits, usedShare, starts }
}

/** Looks now and then whether anything is overlooked. */
async function advance(scene: Scene, at: number): Promise<void> {
  const step = 10 * minute
  for (let next = scene.now - (scene.now % step) + step; next <= at; next += step) {
    await scene.clock.advanceTo(next)
    scene.nothingIsOverlooked()
  }
  await scene.clock.advanceTo(at)
}

type Arrival = { at: number; inputs: (scene: Scene) => TaskInput[] }

/** When tasks arrive: one by one, and one in eight in bursts. */
function arrivals(random: Random, { tasks, hours, agents }: Day): Arrival[] {
  const all: { at: number; count: number }[] = []
  let left = tasks
  const spanMs = hours * hour
  const base = spanMs / (tasks * 0.875)
  for (let at = 10 * minute; left > 0 && at < spanMs;) {
    const rush = 1 + 0.25 * Math.sin(((at / spanMs) * 2 - 0.75) * Math.PI)
    at += exponential(random, base / rush)
    all.push({ at: begin + Math.round(at), count: 1 })
    left -= 1
  }
  while (left > 0) {
    const count = Math.min(left, between(random, agents, 5 * agents))
    all.push({ at: begin + between(random, 10 * minute, spanMs), count })
    left -= count
  }
  all.sort((a, b) => a.at - b.at)
  return all.map(({ at, count }) => ({
    at,
    inputs: (scene) => Array.from({ length: count }, () => anyTask(random, agents, scene)),
  }))
}

function anyTask(random: Random, agents: number, { now, laws }: Scene): TaskInput {
  const chance = (share: number) => random() < share
  const someone = () => `w${between(random, 1, agents)}`
  const known = laws.acknowledged.size
  const dice = random()
  return {
    prompt: 'do it',
    priority: dice < 0.02 ? 'critical' : dice < 0.17 ? 'high' : dice < 0.75 ? 'normal' : 'low',
    retries: between(random, 0, 3),
    onUnknown: chance(0.5) ? 'retry' : 'hold',
    onParentFailure: pick(random, ['cancel', 'hold', 'run'] as const),
    timeoutMs: chance(0.1) ? 5 * minute : 0,
    ...place(random, someone),
    ...(chance(0.05) ? { deadlineAt: now + between(random, 0, hour) } : {}),
    ...(chance(0.03) ? { notBeforeAt: now + between(random, 0, hour) } : {}),
    ...(chance(0.05) && known > 0 ? { after: openParents(random, laws, known) } : {}),
  }
}

/** Where it may or should run: one in ten needs a label, one in 50 one of two agents. */
function place(random: Random, someone: () => string): Partial<TaskInput> {
  const dice = random()
  const affinity = [someone(), someone()]
  if (dice < 0.06) return { require: ['gpu'] }
  if (dice < 0.1) return { require: ['mac'], affinity }
  if (dice < 0.12) return { affinity, affinityMode: 'required' }
  return dice < 0.25 ? { affinity } : {}
}

/** Tasks of the last while that may still complete. */
function openParents(random: Random, { acknowledged, hasEnded }: Scene['laws'], known: number) {
  const ids = Array.from(
    { length: between(random, 1, 3) },
    () => `t${between(random, Math.max(1, known - 100), known)}`,
  )
  return ids.filter((id) => acknowledged.has(id) && !hasEnded(id))
}

function fateOf(random: Random, meanRunMs: number): Fate {
  const dice = random()
  const outcome =
    dice < 0.92 ? 'succeeded' : dice < 0.98 ? 'failed' : dice < 0.99 ? 'unknown' : 'not_started'
  const causes = ['agent_error', 'agent_error', 'crashed', 'rate_limit', 'refused', 'oom_killed']
  return {
    outcome,
    cause: outcome === 'failed' ? (pick(random, causes) as Fate['cause']) : null,
    launchMs: between(random, 20, 300),
    runMs: Math.max(50, Math.round(exponential(random, meanRunMs))),
    stopMs: between(random, 10, 3000),
    retryInMs: null,
    hostDiesInMs: random() < 0.003 ? between(random, 1, 60_000) : null,
  }
}

const unreachable: Fate = {
  ...{ outcome: 'failed', cause: 'overloaded', launchMs: 50, runMs: 5000, stopMs: 10 },
  ...{ retryInMs: null, hostDiesInMs: null },
}

/** The first hours of a day, to be compared: which attempt began when and where. */
export function digestOf({ starts }: DayResult, hours: number): string {
  const sum = createHash('sha256')
  for (const { task, agent, at, waitMs } of starts)
    if (at < begin + hours * hour) sum.update(`${task} ${agent} ${at} ${waitMs}\n`)
  return sum.digest('hex')
}

/**
 * Who waited past its bound: from an hour after its rank on, and while it was ready, an agent that
 * may take it began a task that was submitted after that hour. Says how many passed it.
 */
export function pastTheirBound({ scene, starts }: DayResult): string[] {
  const { acknowledged } = scene.laws
  const past: string[] = []
  for (const [i, { at, task, isFirst, waitMs }] of starts.entries()) {
    if (!isFirst) continue
    const mine = acknowledged.get(task)!
    const bound = mine.rank - scene.config.patienceCriticalMs
    const from = Math.max(bound, at - waitMs)
    let passed = 0
    for (let j = i - 1; j >= 0 && starts[j]!.at > from; j--) {
      const other = starts[j]!
      const isLater = acknowledged.get(other.task)!.createdAt > bound
      if (isLater && other.at < at && scene.laws.mayTake(other.agent, mine)) passed += 1
    }
    if (passed > 0) past.push(`${task} was passed by ${passed} that came after its bound`)
  }
  return past
}

/** `p50 1.2 s, p99 30 s` of each priority. */
export function summary(waits: DayResult['waits']): string[] {
  const seconds = (sorted: readonly number[], share: number) =>
    ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(1)
  return priorities.toReversed().map((priority) => {
    const sorted = waits[priority].toSorted((a, b) => a - b)
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => seconds(sorted, share))
    return `${priority}: ${sorted.length} tasks, wait p50 ${p50} s, p99 ${p99} s, longest ${most} s`
  })
}

/** Ended, or held for a reason that only a person can take away, or behind such a one. */
export function isWhereItShouldBe({ store }: Scene, task: Task): boolean {
  if (isEnded(task.state)) return true
  const { outcome, spec, reason } = task
  if (task.state === 'held')
    return outcome === 'unknown' || (spec.onParentFailure === 'hold' && /^its parent/.test(reason!))
  const isOpen = ({ state }: { state: Task['state'] }) => state === 'held' || state === 'blocked'
  return task.state === 'blocked' && store.parents(task.id).some(isOpen)
}
