import type { SquadError } from '../domain/error.ts'
import { invalid } from '../domain/error.ts'
import type { TaskSpec, TaskState } from '../domain/task.ts'
import { isTaskId } from '../domain/names.ts'
import type { Op } from './statement.ts'
import { row } from './statement.ts'

/** Where a spec of a batch lives: in a stored task, or in the batch's spec of that index. */
export type Place = { stored: number } | { fresh: number }

/** What a new task waits for, or no longer has to. */
export type Parent = { place: Place; met: boolean }

/**
 * The parents of each new spec. Throws SQUADD_INVALID with `data.index` for a repeated ref, an
 * unknown task, one that can no longer complete, and a circle.
 */
export function* parentsOf(
  specs: readonly TaskSpec[],
  places: readonly Place[],
): Op<Map<number, Parent[]>> {
  const refs = refsOf(specs, places)
  const parents = new Map<number, Parent[]>()
  for (const [index, spec] of specs.entries()) {
    const place = places[index]!
    if (!('fresh' in place) || place.fresh !== index) continue
    const found = new Map<string, Parent>()
    for (const name of spec.after) {
      const at = refs.get(name) ?? { stored: storedNumber(name, index) }
      const met = 'stored' in at && (yield* isMet(at.stored, name, spec, index))
      found.set(JSON.stringify(at), { place: at, met })
    }
    parents.set(index, [...found.values()])
  }
  refuseCircle(specs, parents)
  return parents
}

function refsOf(specs: readonly TaskSpec[], places: readonly Place[]): Map<string, Place> {
  const refs = new Map<string, Place>()
  for (const [index, { ref }] of specs.entries()) {
    if (ref === null) continue
    if (refs.has(ref))
      throw refusal(index, 'ref', ref, 'is used twice in this batch', 'name each task once')
    refs.set(ref, places[index]!)
  }
  return refs
}

function storedNumber(name: string, index: number): number {
  if (isTaskId(name)) return Number(name.slice(1))
  throw refusal(
    index,
    'after',
    name,
    'is neither a task nor a ref of this batch',
    'use an id like t12, or give the other task that ref',
  )
}

function* isMet(id: number, name: string, spec: TaskSpec, index: number): Op<boolean> {
  const parent = yield* row<{ state: TaskState }>('select state from task where id = ?1', id)
  if (!parent)
    throw refusal(index, 'after', name, 'does not exist', 'squadd task list shows the stored ones')
  if (parent.state === 'completed') return true
  if (parent.state !== 'failed' && parent.state !== 'cancelled') return false
  if (spec.onParentFailure === 'run') return true
  throw refusal(
    index,
    'after',
    name,
    parent.state === 'failed' ? 'has failed' : 'was cancelled',
    `retry ${name} first, or set onParentFailure to run`,
  )
}

function refuseCircle(specs: readonly TaskSpec[], parents: Map<number, Parent[]>): void {
  const waits = specs.map((_, index) =>
    (parents.get(index) ?? []).flatMap(({ place }) => ('fresh' in place ? [place.fresh] : [])),
  )
  const circle = findCircle(waits)
  if (!circle) return
  const refs = circle.map((index) => specs[index]!.ref!)
  const shown = [...refs, refs[0]!].slice(0, 12).join(' → ')
  const error = refusal(
    circle[0]!,
    'after',
    specs[circle[0]!]!.after,
    `makes a cycle: ${shown}`,
    'remove one of these dependencies',
  )
  throw Object.assign(error, { data: { ...error.data, refs } })
}

/** Indices that wait for each other in a ring, each for the next; undefined when there is none. */
export function findCircle(waits: readonly (readonly number[])[]): number[] | undefined {
  const open = waits.map((parents) => parents.length)
  const children = new Map<number, number[]>()
  for (const [index, parents] of waits.entries())
    for (const parent of parents) {
      const list = children.get(parent)
      if (list) list.push(index)
      else children.set(parent, [index])
    }
  const free = [...open.keys()].filter((index) => open[index] === 0)
  for (const index of free)
    for (const child of children.get(index) ?? []) if (--open[child]! === 0) free.push(child)
  // Each one left over waits for another one left over, so that walking up comes round.
  let at = open.findIndex((count) => count > 0)
  if (at < 0) return undefined
  const path = new Set<number>()
  while (!path.has(at)) {
    path.add(at)
    at = waits[at]!.find((parent) => open[parent]! > 0)!
  }
  const walked = [...path]
  return walked.slice(walked.indexOf(at))
}

/** A bad input in one spec of a batch. */
export function refusal(
  index: number,
  field: string,
  value: unknown,
  problem: string,
  hint: string,
): SquadError {
  const error = invalid(field, value, problem, hint)
  error.data['index'] = index
  return error
}
