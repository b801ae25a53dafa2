import type { HostFacts } from '../domain/ports.ts'
import type { Bar } from './eligibility.ts'
import { bar } from './eligibility.ts'

export type PressureLimits = {
  /** 0 = no limit. */
  maxLoadPerCore: number
  minFreeMemoryBytes: number
  minFreeDiskBytes: number
  minFreeFiles: number
}

// Once pressed, it has to be this much better before work is taken again.
const relief = 0.8

/**
 * Is the machine too busy for one task more? With hysteresis: `pressed` is the last answer. The
 * text says what is short.
 */
export function hostPressure(
  facts: HostFacts,
  limits: PressureLimits,
  pressed: boolean,
): string | null {
  const ease = pressed ? relief : 1
  const { maxLoadPerCore, minFreeMemoryBytes, minFreeDiskBytes, minFreeFiles } = limits
  if (maxLoadPerCore > 0 && facts.loadPerCore > maxLoadPerCore * ease)
    return `load ${facts.loadPerCore.toFixed(1)} per core, the limit is ${maxLoadPerCore}`
  if (facts.freeMemoryBytes < minFreeMemoryBytes / ease)
    return `${mib(facts.freeMemoryBytes)} of memory are free, ${mib(minFreeMemoryBytes)} are wanted`
  if (facts.freeDiskBytes < minFreeDiskBytes / ease)
    return `${mib(facts.freeDiskBytes)} of disk are free, ${mib(minFreeDiskBytes)} are wanted`
  if (facts.freeFiles < minFreeFiles / ease)
    return `${facts.freeFiles} files more can be made on the disk, ${minFreeFiles} are wanted`
  return null
}

export type AdmissionFacts = {
  draining: boolean
  runningTasks: number
  maxConcurrentTasks: number
  /** What `hostPressure` says. */
  pressure: string | null
}

/** What keeps the whole squad from taking one task more; null: nothing. */
export function admissionBar(facts: AdmissionFacts): Bar | null {
  if (facts.draining) return bar('draining', 'the squad is shutting down')
  if (facts.runningTasks >= facts.maxConcurrentTasks)
    return bar(
      'concurrency',
      `${facts.runningTasks} tasks run, the limit (maxConcurrentTasks) is ${facts.maxConcurrentTasks}`,
    )
  if (facts.pressure !== null) return bar('pressure', `the machine is too busy: ${facts.pressure}`)
  return null
}

const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`
