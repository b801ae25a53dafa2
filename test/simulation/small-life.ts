import type { TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Cause } from '../../src/supervisor/domain/task.ts'
import { causes, isEnded } from '../../src/supervisor/domain/task.ts'
import type { Random } from '../../src/supervisor/domain/time.ts'
import type { Fate } from './fake-terminal.ts'
import { isRefusal, Scene } from './scene.ts'
import { between, pick } from './seeded.ts'
import type { Case, Step } from './steps.ts'

const minute = 60_000
const mostTasks = 30

/** Lives through a case. Throws what was breached on the way or is wrong at its end. */
export async function liveThrough(given: Case): Promise<Scene> {
  const { seed, agents, earlyMs, goodShare, turns } = given
  const { maxConcurrentTasks, programLimits, labelLimits } = given
  const scene = new Scene({
    ...{ seed, earlyMs },
    fate: (random) => anyFate(random, goodShare),
    config: {
      ...{ maxConcurrentTasks, programLimits, labelLimits },
      ...{ healthCheckIntervalMs: 60_000, sampleIntervalMs: 60_000, ...given.breakers },
    },
  })
  try {
    await scene.start()
    await scene.addAgents(agents)
    for (const { afterMs, steps } of turns) {
      await scene.clock.advanceTo(scene.now + afterMs)
      scene.nothingIsOverlooked()
      for (const step of steps) take(scene, given, step)
    }
    await mend(scene, given)
    isComplete(scene)
    if (scene.laws.breaches.length > 0) throw new Error(scene.laws.breaches.join('\n'))
    return scene
  } finally {
    await scene.close()
  }
}

function anyFate(random: Random, goodShare: number): Fate {
  const outcome =
    random() < goodShare
      ? 'succeeded'
      : pick(random, ['failed', 'failed', 'failed', 'unknown', 'not_started'] as const)
  const cause =
    outcome === 'failed' ? pick<Cause>(random, [...causes, 'agent_error', 'auth']) : null
  return {
    ...{ outcome, cause },
    launchMs: between(random, 2, 300),
    runMs: pick(random, [1, 20, 900, 5000, 45_000, 400_000]),
    stopMs: between(random, 1, 5000),
    retryInMs: cause === 'quota' ? between(random, 1000, 600_000) : null,
    hostDiesInMs: random() < 0.1 ? between(random, 1, 3000) : null,
  }
}

const well: Scene['fate'] = () => ({
  ...{ outcome: 'succeeded', cause: null, launchMs: 10, runMs: 1000, stopMs: 10 },
  ...{ retryInMs: null, hostDiesInMs: null },
})

/** Begins a step; what it comes to is seen later, as with a client that is not alone. */
function take(scene: Scene, { agents }: Case, step: Step): void {
  const { squad, laws } = scene
  const accept = (asked: Promise<unknown>) =>
    void asked.catch((error: unknown) => {
      if (!isRefusal(error)) laws.breach(`${JSON.stringify(step)} threw ${String(error)}`)
    })
  const task = (index: number) => [...laws.acknowledged.keys()][index] ?? 't999'
  const agent = (index: number) => agents[index % agents.length]!.id
  switch (step.do) {
    case 'submit':
      return accept(submit(scene, step))
    case 'cancel':
      return accept(squad.cancelTask(task(step.task)))
    case 'retry':
      return accept(squad.retryTask(task(step.task)))
    case 'release':
      return accept(squad.releaseTask(task(step.task)))
    case 'pause':
      return accept(squad.pauseAgent(agent(step.agent), { now: step.now, release: step.release }))
    case 'resume':
      return accept(squad.resumeAgent(agent(step.agent)))
    case 'stop':
      return accept(squad.stopAgent(agent(step.agent)))
    case 'restart':
      return accept(squad.restartAgent(agent(step.agent)))
    case 'reset':
      return accept(squad.resetAgent(agent(step.agent)))
    case 'crash':
    case 'hang':
    case 'lose':
      return scene.hosts[step.do](scene.folderOf(agent(step.agent)))
    case 'break':
      return scene.hosts.break(scene.folderOf(agent(step.agent)), step.times)
    case 'press':
      scene.machine.loadPerCore = step.isPressed ? 99 : 0
      return
    case 'limit':
      return scene.limit(step.tasks)
    case 'restartSupervisor':
      return accept(scene.restart())
  }
}

function submit(scene: Scene, { batch }: Extract<Step, { do: 'submit' }>): Promise<void> {
  const now = scene.clock.now()
  const known = [...scene.laws.acknowledged.keys()]
  const inputs = batch.slice(0, mostTasks - known.length).map(({ input, after }): TaskInput => {
    const { deadlineAt, notBeforeAt, ...rest } = input
    return {
      ...rest,
      prompt: 'do it',
      ...(deadlineAt === undefined ? {} : { deadlineAt: now + deadlineAt }),
      ...(notBeforeAt === undefined ? {} : { notBeforeAt: now + notBeforeAt }),
      after: after.flatMap((index) => known[index] ?? []),
    }
  })
  return inputs.length > 0 ? scene.submit(inputs) : Promise.resolve()
}

/** Nothing more arrives and all that was broken is mended; people let everything go on. */
async function mend(scene: Scene, { agents }: Case): Promise<void> {
  const { clock, store, hosts } = scene
  await clock.advanceTo(scene.now + minute)
  for (const id of scene.laws.acknowledged.keys())
    if (!isEnded(store.task(id).state)) scene.isExplained(id)
  scene.machine.loadPerCore = 0
  scene.fate = well
  for (const { id } of agents) hosts.break(scene.folderOf(id), 0)
  for (let quiet = 0; quiet < 3 && scene.moving + store.taskCounts().held > 0;) {
    const { changes } = scene.laws
    bringBack(scene, agents)
    for (const { id } of store.tasks({ state: 'held', limit: mostTasks }))
      scene.squad.releaseTask(id).catch(() => {})
    await clock.advanceTo(scene.now + 10 * minute)
    scene.nothingIsOverlooked()
    quiet = scene.laws.changes === changes ? quiet + 1 : 0
  }
}

function bringBack({ squad, laws }: Scene, agents: Case['agents']): void {
  for (const { id } of agents) {
    const isFailed = squad.agentView(id).state === 'failed'
    const asked = isFailed ? squad.resetAgent(id) : squad.resumeAgent(id)
    asked.catch((error: unknown) => {
      if (!isRefusal(error)) laws.breach(`${id} cannot come back: ${String(error)}`)
    })
  }
}

/** Every acknowledged task that some agent may take has ended, and those it waited for too. */
function isComplete({ store, laws, squad }: Scene): void {
  const unservable = new Set<string>()
  for (const [id, task] of laws.acknowledged) {
    const { state, reason } = store.task(id)
    const waits = task.spec.after.some((parent) => unservable.has(parent))
    if (isEnded(state)) continue
    if (waits || !laws.isServable(task)) unservable.add(id)
    else
      laws.breach(
        `${id} is ${state} (${reason}) for ever: ${JSON.stringify(squad.explain(id).summary)}`,
      )
  }
}
