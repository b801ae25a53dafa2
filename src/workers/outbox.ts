import {
  closeSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../supervisor/domain/error.ts'
import type { AttemptKey } from '../supervisor/domain/message.ts'
import { parseAttemptKey } from '../supervisor/domain/message.ts'
import { failing } from '../supervisor/failpoint/failpoint.ts'
import type { Identity } from './processes.ts'

/**
 * What the launcher left on its way. `<key>.started` is the latch: whoever creates it, launcher or
 * host, decides whether the attempt ran. `<key>.exit` is made before the launch and written in place.
 */
export type Facts = {
  started: StartedFact | null
  startedAt: number | null
  exit: ExitFact | null
  endedAt: number | null
  /** The place for the exit fact is there, as it was since before the launch. */
  hasSlot: boolean
}

/** By a launcher whose `process` is null the latch was taken, but nothing more is known. */
export type StartedFact = { by: 'host' } | { by: 'launcher'; process: StartedProcess | null }

export type StartedProcess = { launcher: Identity; program: Identity; boot: string }

/** `verify` is null when none was asked for, or the program failed. */
export type ExitFact = { status: number; verify: number | null } | { worktree: 'missing' }

const kinds = ['started', 'exit'] as const

// Blank lines: they hold the place on a full disk and do not count as a fact.
const emptySlot = '\n'.repeat(128)

/** The attempt that a file in the outbox belongs to; undefined for any other name. */
export function keyOfFact(name: string): AttemptKey | undefined {
  const dot = name.indexOf('.')
  const key = name.slice(0, dot)
  const isFact = kinds.some((kind) => kind === name.slice(dot + 1))
  return dot > 0 && isFact && parseAttemptKey(key) ? key : undefined
}

/** Every attempt that has a fact, or a place for one, in the outbox. */
export function keysIn(outbox: string): AttemptKey[] {
  const keys = readdirSync(outbox).map(keyOfFact)
  return [...new Set(keys.filter((key) => key !== undefined))]
}

export function readFacts(outbox: string, key: AttemptKey): Facts {
  const started = readLine(join(outbox, `${key}.started`))
  const exit = readLine(join(outbox, `${key}.exit`))
  const exitFact = exit && parseExit(exit.line)
  return {
    started: started && parseStarted(started.line),
    startedAt: started && started.at,
    exit: exitFact,
    endedAt: exitFact && exit.at,
    hasSlot: exit !== null,
  }
}

/** Proves that an attempt never ran and never will. False when its launcher was first. */
export function takeLatch(outbox: string, key: AttemptKey): boolean {
  try {
    failing('launch.take_latch', () =>
      writeFileSync(join(outbox, `${key}.started`), '{"by":"host"}\n', { flag: 'wx', mode: 0o600 }),
    )
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Makes room for the exit fact, so that a full disk cannot lose it. */
export function makeExitSlot(outbox: string, key: AttemptKey): void {
  failing('launch.make_slot', () =>
    writeFileSync(join(outbox, `${key}.exit`), emptySlot, { mode: 0o600 }),
  )
}

export function deleteFacts(outbox: string, key: AttemptKey): void {
  failing('attempt.delete_facts', () => {
    for (const kind of kinds) rmSync(join(outbox, `${key}.${kind}`), { force: true })
  })
}

/** The first line when it is complete, else '' ; null when there is no file. */
function readLine(path: string): { line: string; at: number } | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  try {
    const bytes = Buffer.alloc(512)
    const text = bytes.toString('utf8', 0, readSync(file, bytes))
    const end = text.indexOf('}\n')
    return { line: end < 0 ? '' : text.slice(0, end + 1), at: statSync(path).mtimeMs }
  } finally {
    closeSync(file)
  }
}

function parseStarted(line: string): StartedFact {
  const fact = parse(line)
  if (fact['by'] === 'host') return { by: 'host' }
  const { pid, start, program, programStart, boot } = fact
  const isWhole =
    isPid(pid) && isPid(program) && [start, programStart, boot].every((x) => typeof x === 'string')
  if (!isWhole) return { by: 'launcher', process: null }
  return {
    by: 'launcher',
    process: {
      launcher: { pid, start: String(start) },
      program: { pid: program, start: String(programStart) },
      boot: String(boot),
    },
  }
}

function parseExit(line: string): ExitFact | null {
  const { worktree, status, verify } = parse(line)
  if (worktree === 'missing') return { worktree }
  if (!isStatus(status)) return null
  return { status, verify: isStatus(verify) ? verify : null }
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

const isPid = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

const isStatus = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255
