import { appendFileSync, readFileSync } from 'node:fs'
import { codeOf, SquadError } from '../domain/error.ts'
import type { Action, Fault } from './plan.ts'
import { faultError, parseFaults } from './plan.ts'
import type { FailpointName } from './points.ts'

type Env = Readonly<Record<string, string | undefined>>
type Armed = { faults: Map<FailpointName, Fault>; journal: string | undefined }

const variables = [
  'SQUADD_FAILPOINTS',
  'SQUADD_TEST_FAILPOINTS',
  'SQUADD_FAILPOINTS_JOURNAL',
] as const

let armed: Armed | null = null
/** How often each has happened where no journal tells. */
const happened = new Map<FailpointName, number>()

/**
 * Plants the faults that SQUADD_FAILPOINTS names, for tests alone: throws SQUADD_BAD_CONFIG when it is
 * set and SQUADD_TEST_FAILPOINTS is not 1. With SQUADD_FAILPOINTS_JOURNAL each fault is written into
 * that file before it happens, and all processes that share it count together.
 */
export function armFailpoints(env: Env): void {
  const [text, flag, journal] = variables.map((name) => env[name])
  armed = null
  happened.clear()
  if (!text) return
  if (flag !== '1')
    throw new SquadError('SQUADD_BAD_CONFIG', 'SQUADD_FAILPOINTS is set: it makes squadd fail', {
      field: 'SQUADD_FAILPOINTS',
      value: text,
      hint: 'unset it; only tests of squadd itself set it, together with SQUADD_TEST_FAILPOINTS=1',
    })
  const faults = new Map(parseFaults(text).map((fault) => [fault.name, fault]))
  armed = { faults, journal }
}

/** What a child process needs to have the same failpoints; nothing when none is armed. */
export function failpointEnvironment(env: Env): Record<string, string> {
  if (!armed) return {}
  const set = variables.map((name) => [name, env[name]] as const)
  return Object.fromEntries(set.filter((one): one is [(typeof one)[0], string] => !!one[1]))
}

/** A place where the process may die or stall. Costs one branch when no fault is planted. */
export function failpoint(name: FailpointName): void {
  if (armed) strike(name)
}

/** Does what it is given, unless a fault is planted there. */
export function failing<T>(name: FailpointName, operation: () => T): T {
  if (!armed) return operation()
  if (strike(name) !== 'exec_then_error') return operation()
  operation()
  throw faultError(name)
}

/** The same for what answers with a promise: a fault is a promise that rejects. */
export function failingAsync<T>(name: FailpointName, operation: () => Promise<T>): Promise<T> {
  return armed ? struck(name, operation) : operation()
}

async function struck<T>(name: FailpointName, operation: () => Promise<T>): Promise<T> {
  if (strike(name) !== 'exec_then_error') return operation()
  await operation()
  throw faultError(name)
}

/** Lets the fault happen, if there is one and it is not used up; answers what it was. */
function strike(name: FailpointName): Action | null {
  const fault = armed?.faults.get(name)
  if (!fault || timesOf(name) >= fault.times) return null
  note(name, fault.action)
  switch (fault.action) {
    case 'kill9':
      process.kill(process.pid, 'SIGKILL')
      return standStill(Number.POSITIVE_INFINITY)
    case 'error':
      throw faultError(name)
    case 'delay':
      return standStill(fault.delayMs)
    case 'exec_then_error':
      return 'exec_then_error'
  }
}

/** The whole thread, as when the machine has no time for it. */
function standStill(ms: number): null {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  return null
}

function timesOf(name: FailpointName): number {
  if (armed?.journal === undefined) return happened.get(name) ?? 0
  return readJournal(armed.journal).filter((line) => line.startsWith(`${name} `)).length
}

function note(name: FailpointName, action: Action): void {
  happened.set(name, (happened.get(name) ?? 0) + 1)
  if (armed?.journal !== undefined)
    appendFileSync(armed.journal, `${name} ${action} ${process.pid}\n`)
}

function readJournal(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
