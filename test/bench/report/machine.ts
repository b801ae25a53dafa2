import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

const firstLine = (program: string, ...argv: string[]): string => {
  try {
    return execFileSync(program, argv, { encoding: 'utf8' }).split('\n')[0]!.trim()
  } catch {
    return `no ${program}`
  }
}

/** Where it was measured, and with what. */
export function machine(folder: string): string[] {
  const [cpu] = cpus()
  const gib = (totalmem() / 2 ** 30).toFixed(0)
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${gib} GiB`,
    `Linux ${release()}, files on ${firstLine('stat', '-f', '-c', '%T', folder)}`,
    `Node ${process.version}, SQLite ${process.versions['sqlite'] ?? ''}`,
    firstLine('tmux', '-V'),
    firstLine('git', '--version'),
    firstLine('redis-server', '--version').replace(/ sha=.*/, ''),
    firstLine('psql', '--version'),
  ]
}
