import { SquadError } from '../domain/error.ts'
import type { Task, TaskSpec, TaskState } from '../domain/task.ts'
import { laneOf, rankOf } from '../policy/scheduler.ts'
import type { Parent, Place } from './dependencies.ts'
import { parentsOf, refusal } from './dependencies.ts'
import type { Op } from './statement.ts'
import { row, rows } from './statement.ts'
import { findTask, toId, toTask, untried } from './task-row.ts'
import type { Transaction } from './transaction.ts'
import { emit, nextNumber, tally } from './transaction.ts'

/** Stores a batch, whole or not at all: all is checked before anything is written. */
export function* enqueue(tx: Transaction, specs: readonly TaskSpec[]): Op<Task[]> {
  const places = yield* placesOf(specs)
  const parents = yield* parentsOf(specs, places)
  yield* admit(tx, parents.size)
  const made = new Map<number, Task>()
  const ids = new Map<number, number>()
  for (const [index, after] of parents) {
    const stored = yield* insert(tx, specs[index]!, index, after)
    ids.set(index, stored.row)
    made.set(index, stored.task)
  }
  for (const [index, after] of parents)
    for (const { place, met } of after)
      yield* rows(
        'insert into dep(parent, child, on_failure, met) values (?1, ?2, ?3, ?4)',
        'stored' in place ? place.stored : ids.get(place.fresh)!,
        ids.get(index)!,
        specs[index]!.onParentFailure,
        met ? 1 : 0,
      )
  const answer: Task[] = []
  for (const place of places) answer.push(yield* taskAt(place, made))
  return answer
}

/** A spec whose key is known, from an earlier batch or from this one, is that task again. */
function* placesOf(specs: readonly TaskSpec[]): Op<Place[]> {
  const byKey = new Map<string, Place>()
  const places: Place[] = []
  for (const [index, { key }] of specs.entries()) {
    let place: Place | undefined
    if (key !== null) {
      place = byKey.get(key)
      if (!place) {
        const known = yield* row<{ id: number }>('select id from task where key = ?1', key)
        place = known ? { stored: known.id } : { fresh: index }
        byKey.set(key, place)
      }
    }
    places.push(place ?? { fresh: index })
  }
  return places
}

function* taskAt(place: Place, made: ReadonlyMap<number, Task>): Op<Task> {
  if ('fresh' in place) return made.get(place.fresh)!
  const found = yield* findTask(place.stored)
  return toTask(found!)
}

function* admit(tx: Transaction, fresh: number): Op<void> {
  if (fresh === 0) return
  const waiting = yield* waitingTasks(tx)
  const limit = tx.settings.taskQueueSize()
  if (waiting + fresh <= limit) return
  throw new SquadError(
    'SQUADD_QUEUE_FULL',
    `the queue is full: ${waiting} tasks wait, ${fresh} more would pass the limit of ${limit}`,
    { waiting, fresh, limit, hint: 'try again when some have started, or raise taskQueueSize' },
  )
}

const waitingStates = ['blocked', 'delayed', 'ready'] as const satisfies TaskState[]

/** What the earlier writes of the commit moved is not in the table yet. */
function* waitingTasks({ earlier }: Transaction): Op<number> {
  earlier.waiting ??= (yield* row<{ n: number }>(
    `select sum(n) as n from task_count where state in ('blocked', 'delayed', 'ready')`,
  ))!.n
  return waitingStates.reduce((n, state) => n + (earlier.moved.get(state) ?? 0), earlier.waiting)
}

function* insert(
  tx: Transaction,
  spec: TaskSpec,
  index: number,
  after: readonly Parent[],
): Op<{ row: number; task: Task }> {
  const { prompt, priority, ...rest } = spec
  const opts = asJson(rest, index)
  const unmet = after.filter(({ met }) => !met).length
  const state = stateAtBirth(unmet, spec.notBeforeAt, tx.now)
  const lane = laneOf(spec)
  const id = yield* nextNumber(tx, 'task')
  const born = {
    id,
    state,
    rank: Math.round(rankOf(spec, tx.now, tx.settings.patience())),
    lane,
    priority,
    unmet,
    not_before: spec.notBeforeAt,
    ready_at: state === 'ready' ? tx.now : null,
    key: spec.key,
    created_at: tx.now,
  }
  yield* rows(
    `insert into task(id, state, rank, lane, priority, unmet, not_before, ready_at, key, created_at)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    ...Object.values(born),
  )
  yield* rows('insert into spec(task_id, prompt, opts) values (?1, ?2, ?3)', id, prompt, opts)
  tally(tx, state, 1)
  yield* emit(tx, { type: 'TaskSubmitted', taskId: toId(id), data: { priority, lane } })
  return { row: id, task: toTask({ ...untried, ...born, prompt, opts, body: null }) }
}

function stateAtBirth(unmet: number, notBeforeAt: number | null, now: number): TaskState {
  if (unmet > 0) return 'blocked'
  return notBeforeAt !== null && notBeforeAt > now ? 'delayed' : 'ready'
}

function asJson(opts: Task['spec'], index: number): string {
  try {
    return JSON.stringify(opts)
  } catch (cause) {
    throw refusal(index, 'metadata', String(cause), 'cannot be stored', 'use plain JSON values')
  }
}
