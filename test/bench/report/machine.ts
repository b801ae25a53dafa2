import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from '../row.ts'
import { scratch } from '../scratch.ts'

const firstLine = (program: string, ...argv: string[]): string => {
  try {
    return execFileSync(program, argv, { encoding: 'utf8' }).split('\n')[0]!.trim()
  } catch {
    return `no ${program}`
  }
}

const tries = 101

/** The median time of one in many, in milliseconds. */
function typicalMs(work: () => unknown): string {
  const times = Array.from({ length: tries }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return `${median(times).toPrecision(2)} ms`
}

/** What no program that starts others, or that keeps its word over a power loss, is faster than. */
function basicCosts(): string {
  using place = scratch()
  const file = openSync(join(place.dir, 'synced'), 'w')
  const block = Buffer.alloc(4096)
  const sync = () => {
    writeSync(file, block)
    fdatasyncSync(file)
  }
  const start = () => execFileSync('true')
  const costs = [typicalMs(start), typicalMs(sync)]
  closeSync(file)
  return `one start of \`true\` by Node: ${costs[0]}; 4 KiB appended and synced: ${costs[1]} (medians of ${tries})`
}

/** Where it was measured, and with what. */
export function machine(folder: string): string[] {
  const [cpu] = cpus()
  const gib = (totalmem() / 2 ** 30).toFixed(0)
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${gib} GiB`,
    basicCosts(),
    `Linux ${release()}, files on ${firstLine('stat', '-f', '-c', '%T', folder)}`,
    `Node ${process.version}, SQLite ${process.versions['sqlite'] ?? ''}`,
    firstLine('tmux', '-V'),
    firstLine('git', '--version'),
    firstLine('redis-server', '--version').replace(/ sha=.*/, ''),
    firstLine('psql', '--version'),
  ]
}
