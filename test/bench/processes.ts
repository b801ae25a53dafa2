import { readFileSync, readdirSync } from 'node:fs'

/** What processes have used so far. */
export type Use = {
  /** CPU of all their threads, ms. */
  cpuMs: number
  /** CPU of their children that have ended, in whole ticks, ms. */
  childCpuMs: number
  /** Page faults of children that have ended: every child has some. */
  childFaults: number
  wakeUps: number
}

/** Sums over processes that are there before and after. */
export function useOf(pids: readonly number[]): Use {
  const sum: Use = { cpuMs: 0, childCpuMs: 0, childFaults: 0, wakeUps: 0 }
  for (const pid of pids) {
    const fields = read(`${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    sum.childFaults += fields[8]! + fields[10]!
    sum.childCpuMs += (fields[13]! + fields[14]!) * tickMs
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum.cpuMs += Number(read(`${pid}/task/${thread}/schedstat`).split(' ')[0]) / 1e6
      const status = read(`${pid}/task/${thread}/status`)
      sum.wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1])
    }
  }
  return sum
}

export const since = (before: Use, after: Use): Use => ({
  cpuMs: after.cpuMs - before.cpuMs,
  childCpuMs: after.childCpuMs - before.childCpuMs,
  childFaults: after.childFaults - before.childFaults,
  wakeUps: after.wakeUps - before.wakeUps,
})

/** Memory of processes, MB: what they share is divided by those who share it. */
export const pssMb = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const kb = /^Pss:\s+(\d+)/m.exec(read(`${pid}/smaps_rollup`))?.[1]
    return sum + Number(kb ?? 0) / 1024
  }, 0)

/** A process and everything that came of it and is still its descendant. */
export function treeOf(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = Number(
      read(`${name}/stat`)
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    )
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [...roots]
  for (let n = 0; n < found.length; n += 1) found.push(...(children.get(found[n]!) ?? []))
  return [...new Set(found)]
}

/** Processes whose command line names this. */
export const naming = (text: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`${name}/cmdline`).includes(text))
    .map(Number)

const tickMs = 10

function read(file: string): string {
  try {
    return readFileSync(`/proc/${file}`, 'utf8')
  } catch {
    return ''
  }
}
