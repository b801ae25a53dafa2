import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, signal } from './processes.ts'
import type { Identity } from './processes.ts'

/** How often a stop looks whether it is done. */
const lookMs = 25
/** How long processes that were killed may take to go, on a busy machine, before they are called leftovers. */
const killPatienceMs = 10_000

export type Hunt = {
  /** Everything that is to end and has not. */
  find: () => Identity[]
  /** False while more may still appear. Default: never. */
  isOver?: () => boolean
  /** True: what was to be reached is reached, what is left is left to others. Default: never. */
  isSettled?: () => boolean
  /** From TERM to KILL. */
  graceMs: number
}

/**
 * TERM, after the grace KILL, again and again until nothing is found. Answers what would not go,
 * which is empty but for processes the kernel cannot end or that are not ours.
 */
export async function endProcesses({
  find,
  isOver,
  isSettled,
  graceMs,
}: Hunt): Promise<Identity[]> {
  const known = new Map<string, Identity>()
  const killAt = performance.now() + graceMs
  for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, lookMs)) {
    if (isSettled?.()) return []
    const now = performance.now()
    let left = [...known.values()].filter(isAlive)
    // A search reads all of /proc: only when those known are gone, or the time is up.
    if (left.length === 0 || now >= killAt) left = union(left, find())
    if (left.length === 0 && (isOver?.() ?? true)) return []
    if (now >= killAt + killPatienceMs) return left
    for (const one of left) {
      if (now >= killAt) signal(one, 'SIGKILL')
      else if (!known.has(nameOf(one))) signal(one, 'SIGTERM')
      known.set(nameOf(one), one)
    }
    await delay(waitMs)
  }
}

const nameOf = (one: Identity): string => `${one.pid}@${one.start}`

function union(some: Identity[], more: Identity[]): Identity[] {
  return [...new Map([...some, ...more].map((one) => [nameOf(one), one])).values()]
}
