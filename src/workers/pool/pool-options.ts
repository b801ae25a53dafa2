import type { ResourceLimits } from 'node:worker_threads'
import { invalid } from '../../supervisor/domain/error.ts'
import { longestTimerMs } from '../../supervisor/domain/time.ts'

export type WorkerPoolOptions = {
  /** Jobs that run at the same time, each on a thread of its own. 1 to 1,000; default 10. */
  maxWorkers?: number
  /** Threads that are always there. Others come with the work. 0 to `maxWorkers`; default 0. */
  minWorkers?: number
  /** Jobs that may wait, and results that a reader may leave unread. 1 to 100,000; default 1,000. */
  queueSize?: number
  /** The longest a job may run, where it does not say so itself. Default 300,000 ms. */
  workerTimeoutMs?: number
  /** How often workers are looked at even if nothing happens. Default 30,000 ms. */
  healthCheckIntervalMs?: number
  /** A thread beyond `minWorkers` that has had no work for this long goes. Default 30,000 ms. */
  idleTimeoutMs?: number
  /** Memory of one thread, in MB as in `node:worker_threads`. Default: as much as Node gives. */
  resourceLimits?: ResourceLimits
  /** Node's options for threads. Default: those of this process. */
  execArgv?: readonly string[]
}

export type PoolOptions = Required<Omit<WorkerPoolOptions, 'execArgv'>> & {
  execArgv: readonly string[] | null
}

const fields = {
  maxWorkers: { value: 10, min: 1, max: 1000 },
  minWorkers: { value: 0, min: 0, max: 1000 },
  queueSize: { value: 1000, min: 1, max: 100_000 },
  workerTimeoutMs: { value: 300_000, min: 1, max: longestTimerMs },
  healthCheckIntervalMs: { value: 30_000, min: 10, max: longestTimerMs },
  idleTimeoutMs: { value: 30_000, min: 0, max: longestTimerMs },
} as const

const limitNames = [
  'maxOldGenerationSizeMb',
  'maxYoungGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
]

/** Options with their defaults. Throws SQUADD_INVALID. */
export function readPoolOptions(options: WorkerPoolOptions): PoolOptions {
  const known = [...Object.keys(fields), 'resourceLimits', 'execArgv']
  for (const [name, value] of Object.entries(options))
    if (!known.includes(name)) throw invalid(name, value, 'is unknown', `use ${known.join(', ')}`)
  const read = (name: keyof typeof fields): number => {
    const { value, min, max } = fields[name]
    return checkWhole(name, options[name] ?? value, min, max)
  }
  const all = {
    maxWorkers: read('maxWorkers'),
    minWorkers: read('minWorkers'),
    queueSize: read('queueSize'),
    workerTimeoutMs: read('workerTimeoutMs'),
    healthCheckIntervalMs: read('healthCheckIntervalMs'),
    idleTimeoutMs: read('idleTimeoutMs'),
    resourceLimits: checkLimits(options.resourceLimits ?? {}),
    execArgv: options.execArgv ?? null,
  }
  if (all.minWorkers > all.maxWorkers)
    throw invalid('minWorkers', all.minWorkers, 'is more than maxWorkers', 'raise maxWorkers')
  return all
}

/** Throws SQUADD_INVALID. */
export function checkWhole(field: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number
  throw invalid(field, value, 'is out of range', `use a whole number from ${min} to ${max}`)
}

function checkLimits(limits: ResourceLimits): ResourceLimits {
  for (const [name, value] of Object.entries(limits)) {
    const field = `resourceLimits.${name}`
    if (!limitNames.includes(name))
      throw invalid(field, value, 'is unknown', `use ${limitNames.join(', ')}`)
    if (typeof value !== 'number' || !(value > 0))
      throw invalid(field, value, 'is no size', 'use a number of MB above 0')
  }
  return limits
}
