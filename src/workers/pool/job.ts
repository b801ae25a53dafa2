import { isAbsolute } from 'node:path'
import type { Transferable } from 'node:worker_threads'
import { invalid } from '../../supervisor/domain/error.ts'
import type { Packed } from './job-error.ts'
import type { Priority } from '../../supervisor/domain/task.ts'

/** The numbers behind the names. */
export const namedPriorities = {
  low: -1,
  normal: 0,
  high: 1,
  critical: 2,
} as const satisfies Record<Priority, number>

/** A function of some module, called with `data` on a worker thread. */
export type Job = {
  /** Names it in results and errors; need not be unique. Default: `job-1`, `job-2`, … */
  id?: string
  /** Higher goes first, equal ones in the order they came. A whole number or a name. Default 0. */
  priority?: number | Priority
  /** Where the function is: `new URL('./work.js', import.meta.url)`, or an absolute path. */
  module: URL | string
  /** The function's name in that module. Default `default`. */
  export?: string
  /** Its one argument, cloned as by `structuredClone`. */
  data?: unknown
  /** What of `data` is handed over instead: it is gone here. */
  transfer?: readonly Transferable[]
  /** A result that is an ArrayBuffer, a Buffer or typed array is handed over, not copied. */
  moveResult?: boolean
  /** The longest it may run; waiting does not count. Default: `workerTimeoutMs` of the pool. */
  timeoutMs?: number
}

/** How a job can end. `failed`: it threw, or its worker died. `dropped`: by a shutdown. */
export const jobOutcomes = ['completed', 'failed', 'timed_out', 'aborted', 'dropped'] as const
export type JobOutcome = (typeof jobOutcomes)[number]

/** How a job has ended. `latencyMs`: from `submit` to its end, waiting and running. */
export type JobResult<T = unknown> = { id: string; latencyMs: number } & (
  | { outcome: 'completed'; value: T }
  | { outcome: Exclude<JobOutcome, 'completed'>; error: unknown }
)

/** How a job ends, as its runner knows it. */
export type End =
  | { outcome: 'completed'; value: unknown }
  | { outcome: Exclude<JobOutcome, 'completed'>; error: unknown }

/** What a thread is told: the number of a function, at first also where it is; or that number alone. */
export type ThreadOrder = {
  run: number
  data: unknown
  at?: { module: string; name: string }
  moves?: true
}

/** What a thread says of an order. */
export type Answer = { value: unknown } | { thrown: Packed }

/** The module of a job. Throws SQUADD_INVALID. */
export function moduleOf({ module }: Job): string {
  if (module instanceof URL) return module.href
  if (typeof module === 'string' && (isAbsolute(module) || /^[a-z][a-z+.-]+:/.test(module)))
    return module
  const hint = "use new URL('./work.js', import.meta.url), or an absolute path"
  throw invalid('module', module, 'is no place of a module', hint)
}

/** The name of a job's function. Throws SQUADD_INVALID. */
export function exportOf({ export: name = 'default' }: Job): string {
  if (typeof name === 'string' && name !== '') return name
  throw invalid('export', name, 'is no name', 'name an export of the module')
}

/** Throws SQUADD_INVALID. */
export function priorityOf(priority: number | Priority = 0): number {
  if (typeof priority === 'number' && Number.isSafeInteger(priority)) return priority
  if (Object.hasOwn(namedPriorities, priority)) return namedPriorities[priority as Priority]
  const names = Object.keys(namedPriorities).join(', ')
  throw invalid('priority', priority, 'is none', `use a whole number or one of ${names}`)
}
