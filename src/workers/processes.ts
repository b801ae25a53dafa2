import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs'
import type { PidMark } from './pid-mark.ts'
import { pidsSince } from './pid-mark.ts'

/** One process of this boot. A pid alone may be used again, with its start time it may not. */
export type Identity = { pid: number; start: string }

let boot: string | undefined

/** Differs after each start of the machine: pids of an earlier one mean nothing. */
export const bootId = (): string =>
  (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())

export type ProcessStat = { state: string; parent: number; session: number; start: string }

/** What /proc says of a process, a zombie included; undefined when there is none. */
export function readStat(pid: number): ProcessStat | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name in parentheses may hold anything, so count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', parent, , session] = fields
  return { state, parent: Number(parent), session: Number(session), start: fields[19] ?? '' }
}

/** The process as it is now, or undefined when it has ended (a zombie has). */
export function identify(pid: number): Identity | undefined {
  const stat = readStat(pid)
  return stat && lives(stat) ? { pid, start: stat.start } : undefined
}

export function isAlive(one: Identity): boolean {
  const stat = readStat(one.pid)
  return stat !== undefined && stat.start === one.start && lives(stat)
}

const lives = (stat: ProcessStat): boolean => stat.state !== 'Z' && stat.state !== 'X'

/** Signals exactly that process; false when it is gone, or not ours to signal. */
export function signal(one: Identity, name: NodeJS.Signals): boolean {
  if (!isAlive(one)) return false
  try {
    return process.kill(one.pid, name)
  } catch {
    return false
  }
}

/** Children, their children and so on, those with a scrubbed environment too. */
export function descendants(pid: number): Identity[] {
  const found: Identity[] = []
  for (const thread of list(`/proc/${pid}/task`))
    for (const child of (readProc(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ')) {
      const one = child === '' ? undefined : identify(Number(child))
      if (one) found.push(one, ...descendants(one.pid))
    }
  return found
}

/**
 * Processes that were started with one of these variables, re-parented ones too. `NAME=value\0` is
 * that value, `NAME=value` every value that begins so. Never this process itself. `since`: only
 * those that began after it, which costs by them and not by all there are.
 */
export function startedWith(
  variables: readonly string[],
  since: PidMark | null = null,
): Identity[] {
  const needles = variables.map((variable) => Buffer.from(variable))
  const isMeant = pidsSince(since)
  const found: Identity[] = []
  for (const name of list('/proc')) {
    const pid = Number(name)
    if (!(pid > 0) || pid === process.pid || !isMeant(pid)) continue
    const environment = readEnvironment(pid)
    if (!needles.some((needle) => holds(environment, needle))) continue
    const one = identify(pid)
    if (one) found.push(one)
  }
  return found
}

/** The arguments a process was started with; none when it is gone. */
export const argumentsOf = (pid: number): string[] =>
  (readProc(`/proc/${pid}/cmdline`) ?? '').split('\0')

function holds(environment: Buffer, needle: Buffer): boolean {
  for (let at = environment.indexOf(needle); at >= 0; at = environment.indexOf(needle, at + 1))
    if (at === 0 || environment[at - 1] === 0) return true
  return false
}

let scratch = Buffer.allocUnsafe(65_536)

function readEnvironment(pid: number): Buffer {
  let file: number
  try {
    file = openSync(`/proc/${pid}/environ`, 'r')
  } catch {
    return scratch.subarray(0, 0)
  }
  try {
    let length = 0
    for (;;) {
      const got = readSync(file, scratch, length, scratch.length - length, null)
      if (got === 0) return scratch.subarray(0, length)
      length += got
      if (length === scratch.length) scratch = Buffer.concat([scratch], 2 * length)
    }
  } catch {
    // It ended while it was read, or belongs to another user.
    return scratch.subarray(0, 0)
  } finally {
    closeSync(file)
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
