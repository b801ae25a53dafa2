import { join } from 'node:path'
import { createTask } from '../../../src/supervisor/domain/create-task.ts'
import { defaults } from '../../../src/supervisor/domain/config.ts'
import type { Choose, Store } from '../../../src/supervisor/domain/ports.ts'
import type { Task } from '../../../src/supervisor/domain/task.ts'
import { openSqliteStore } from '../../../src/supervisor/store/open.ts'
import type { QueueCandidate } from './candidate.ts'
import { prompt, result } from './candidate.ts'

export const openStore = (dir: string): Store =>
  openSqliteStore({
    file: join(dir, 'squadd.db'),
    patience: () => defaults,
    taskQueueSize: () => 10_000_000,
    now: Date.now(),
  })

const spec = createTask({ prompt }, defaults)
const batch = 500

export async function fill(store: Store, count: number): Promise<void> {
  for (let left = count; left > 0; left -= batch)
    await store.enqueue(
      Array.from({ length: Math.min(left, batch) }, () => spec),
      Date.now(),
    )
}

const take: Choose = (_, eligible) => eligible[0]!.id

/** Gives the next task to an agent. */
export async function claimOne(store: Store, agent: string): Promise<Task> {
  const [task] = await store.claim([{ id: agent, labels: [] }], take, 1, Date.now())
  return task!
}

export const complete = (store: Store, task: Task): Promise<unknown> =>
  store.record(
    {
      key: `${task.id}-${task.fence}`,
      outcome: 'succeeded',
      cause: null,
      reason: 'status 0',
      startedAt: task.startedAt,
      endedAt: Date.now(),
      result: { ...result, evidence: [...result.evidence] },
    },
    () => ({ signal: 'succeed' }),
    Date.now(),
  )

/** Takes as the dispatcher does: one claim for all the agents that are free in this turn. */
function dispatcher(store: Store): () => Promise<Task> {
  let free = 0
  let claimed: Promise<Task[]> | undefined
  const claim = () => {
    const agents = Array.from({ length: free }, (_, n) => ({ id: `agent${n}`, labels: [] }))
    claimed = undefined
    free = 0
    return store.claim(agents, take, agents.length, Date.now())
  }
  return async () => {
    const nth = free++
    claimed ??= Promise.resolve().then(claim)
    return (await claimed)[nth]!
  }
}

/** The store of squadd, with everything it writes: task, spec, attempt, result and three events. */
export function ours(dir: string): QueueCandidate {
  const store = openStore(dir)
  const add = () => store.enqueue([spec], Date.now())
  const take = dispatcher(store)
  return {
    name: 'squadd',
    fill: (count) => fill(store, count),
    add,
    take,
    done: (task) => complete(store, task as Task),
    // A free agent has its task from the very commit that stores what was submitted.
    async pass() {
      const [, task] = await Promise.all([add(), take()])
      await complete(store, task)
    },
    close: () => store.close(),
  }
}
