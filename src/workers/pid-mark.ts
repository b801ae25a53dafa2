import { readFileSync } from 'node:fs'

/** A moment as the kernel counts it: which process id came last, after how many processes. */
export type PidMark = { pid: number; forks: number; threads: number }

// Below this number no process id is given out a second time.
const reserved = 300

/** Now; null where /proc does not tell. */
export function markPids(): PidMark | null {
  try {
    // In this order: a process that begins in between makes the search wider, never too narrow.
    const forks = Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1])
    const [, threads, pid] =
      /\d+\/(\d+) (\d+)\s*$/.exec(readFileSync('/proc/loadavg', 'utf8')) ?? []
    const mark = { pid: Number(pid), forks, threads: Number(threads) }
    return Object.values(mark).every(Number.isSafeInteger) ? mark : null
  } catch {
    return null
  }
}

/** Which ids may belong to processes that began after the mark. */
export function pidsSince(mark: PidMark | null): (pid: number) => boolean {
  const now = mark && markPids()
  return now ? youngerThan(mark, now.forks, pidMax()) : () => true
}

/**
 * Ids are given out in a circle up to `most`, and one that is in use is passed over: no more than
 * lived at the mark or have begun since.
 */
export function youngerThan(mark: PidMark, forks: number, most: number): (pid: number) => boolean {
  const reach = 2 * (forks - mark.forks) + mark.threads
  if (!(reach < most - reserved)) return () => true
  const last = mark.pid + reach
  if (last < most) return (pid) => pid > mark.pid && pid <= last
  return (pid) => pid > mark.pid || pid <= last - most + reserved
}

const pidMax = (): number => Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'))
