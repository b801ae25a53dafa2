import type { Candidate, Settlement } from '../../src/supervisor/domain/ports.ts'
import type { TaskSpec, TaskState } from '../../src/supervisor/domain/task.ts'
import { isEnded } from '../../src/supervisor/domain/task.ts'
import { laneOf, rankOf, serves } from '../../src/supervisor/policy/scheduler.ts'
import { patience } from './support.ts'

export type ModelTask = {
  id: string
  spec: TaskSpec
  state: TaskState
  rank: number
  lane: string
  fence: number
  attempt: number
  agent: string | null
  want: string | null
  notBeforeAt: number | null
  /** Parents that still stand in the way. */
  waitsFor: Set<ModelTask>
  /** What it was ever freed of: a parent that completed, or one it goes on without. */
  freedOf: Set<ModelTask>
}

export type Answer = string

const ok = (...ids: (ModelTask | undefined)[]): Answer =>
  ids.map((task) => `${task!.id} ${task!.state}`).join(', ')

/** The rules of the queue once more, as plainly as they can be said: no SQL, no care for speed. */
export class Model {
  readonly tasks: ModelTask[] = []
  endings = 0

  byId(id: string): ModelTask | undefined {
    return this.tasks.find((task) => task.id === id)
  }

  /** Specs that the store accepts: every name in `after` is a ref of the batch or a task. */
  enqueue(specs: readonly TaskSpec[], now: number): Answer {
    const made = new Map<TaskSpec, ModelTask>()
    const known = (name: string) =>
      this.byId(name) ?? specs.map((one) => made.get(one)).find((task) => task?.spec.ref === name)
    const start = this.tasks.length
    for (const [index, spec] of specs.entries())
      made.set(spec, {
        id: `t${start + index + 1}`,
        spec,
        state: 'ready',
        rank: rankOf(spec, now, patience()),
        lane: laneOf(spec),
        fence: 0,
        attempt: 0,
        agent: null,
        want: null,
        notBeforeAt: spec.notBeforeAt,
        waitsFor: new Set(),
        freedOf: new Set(),
      })
    for (const [spec, task] of made)
      for (const name of spec.after) {
        const parent = known(name)
        if (!parent) return 'SQUADD_INVALID'
        const gone = parent.state === 'failed' || parent.state === 'cancelled'
        if (gone && spec.onParentFailure !== 'run') return 'SQUADD_INVALID'
        ;(gone || parent.state === 'completed' ? task.freedOf : task.waitsFor).add(parent)
      }
    for (const task of made.values()) task.state = this.#stateOf(task, now)
    this.tasks.push(...made.values())
    return ok(...made.values())
  }

  /** One claim for one agent that takes what it is offered. */
  claim(agent: Candidate): Answer {
    const next = this.tasks
      .filter((task) => task.state === 'ready' && serves(agent, task.lane))
      .sort((a, b) => a.rank - b.rank || Number(a.id.slice(1)) - Number(b.id.slice(1)))[0]
    if (!next) return ''
    Object.assign(next, { state: 'running', agent: agent.id, want: null })
    next.fence += 1
    next.attempt += 1
    return ok(next)
  }

  record(id: string, fence: number, given: Settlement): Answer {
    const task = this.byId(id)
    if (!task || task.fence !== fence) return 'late'
    if (task.state !== 'running') return 'already'
    const back = ['hold', 'backOff', 'giveBack'].includes(given.signal)
    if ('counts' in given && !given.counts) task.attempt -= 1
    if (given.signal === 'backOff') task.notBeforeAt = given.notBeforeAt
    const signal = back && task.want === 'cancelled' ? 'cancel' : given.signal
    task.want = null
    task.state = (
      {
        succeed: 'completed',
        fail: 'failed',
        cancel: 'cancelled',
        hold: 'held',
        backOff: 'delayed',
        giveBack: 'ready',
      } as const
    )[signal]
    if (isEnded(task.state)) this.#ended(task, this.now)
    return 'recorded'
  }

  cancel(id: string): Answer {
    const task = this.byId(id)
    if (!task) return 'SQUADD_NOT_FOUND'
    if (task.state === 'running') task.want = 'cancelled'
    else if (task.state === 'completed' || task.state === 'failed') return 'SQUADD_CONFLICT'
    else if (task.state !== 'cancelled') {
      task.state = 'cancelled'
      this.#ended(task, this.now)
    }
    return ok(task)
  }

  askStop(id: string, fence: number, want: string): Answer {
    const task = this.byId(id)
    if (task?.state === 'running' && task.fence === fence && task.want === null) task.want = want
    return ''
  }

  release(id: string): Answer {
    const task = this.byId(id)
    if (!task) return 'SQUADD_NOT_FOUND'
    if (task.state !== 'held') return 'SQUADD_CONFLICT'
    for (const parent of task.waitsFor)
      if (parent.state === 'failed' || parent.state === 'cancelled') this.#free(task, parent)
    task.notBeforeAt = task.spec.notBeforeAt
    task.state = this.#stateOf(task, this.now)
    return ok(task)
  }

  retry(id: string): Answer {
    const task = this.byId(id)
    if (!task) return 'SQUADD_NOT_FOUND'
    if (task.state !== 'failed' && task.state !== 'cancelled') return 'SQUADD_CONFLICT'
    for (const parent of task.waitsFor)
      if (parent.state === 'failed' || parent.state === 'cancelled') return 'SQUADD_CONFLICT'
    task.attempt = 0
    task.notBeforeAt = task.spec.notBeforeAt
    task.state = this.#stateOf(task, this.now)
    return ok(task)
  }

  promote(): Answer {
    let next: number | null = null
    for (const task of this.tasks) {
      if (task.state !== 'delayed') continue
      if (task.notBeforeAt! <= this.now) task.state = 'ready'
      else next = Math.min(next ?? Infinity, task.notBeforeAt!)
    }
    return String(next)
  }

  now = 0

  #stateOf(task: ModelTask, now: number): TaskState {
    if (task.waitsFor.size > 0) return 'blocked'
    return task.notBeforeAt !== null && task.notBeforeAt > now ? 'delayed' : 'ready'
  }

  #free(task: ModelTask, parent: ModelTask): void {
    task.waitsFor.delete(parent)
    task.freedOf.add(parent)
  }

  #ended(parent: ModelTask, now: number): void {
    this.endings += 1
    for (const child of this.tasks.filter((task) => task.waitsFor.has(parent)))
      if (parent.state === 'completed' || child.spec.onParentFailure === 'run') {
        this.#free(child, parent)
        if (child.state === 'blocked') child.state = this.#stateOf(child, now)
      } else if (child.state === 'blocked' && child.spec.onParentFailure === 'hold') {
        child.state = 'held'
      } else if (child.state === 'blocked') {
        child.state = 'cancelled'
        this.#ended(child, now)
      }
  }
}
