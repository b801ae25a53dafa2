import { SquadError } from '../domain/error.ts'
import type { Failpoint, FailpointName } from './points.ts'
import { failpoints } from './points.ts'

/**
 * kill9: the process dies there · error: it fails instead of what it was to do · exec_then_error: it is
 * done, and then looks as if it had failed · delay: the process stands still for `delayMs`.
 */
export const actions = ['kill9', 'error', 'exec_then_error', 'delay'] as const
export type Action = (typeof actions)[number]

export type Fault = {
  name: FailpointName
  action: Action
  delayMs: number
  /** How often it happens, in all processes together. */
  times: number
}

const defaultDelayMs = 500
const form = /^([a-z._]+)=([a-z0-9_]+)(?:\((\d+)\))?(?:\*(\d+))?$/

/** What can be done at a failpoint. */
export const actionsAt = (name: FailpointName): readonly Action[] =>
  failpoints[name].error === null ? ['kill9', 'delay'] : actions

/** Reads `name=action*times;…`, as `store.claim=exec_then_error*1`. Throws SQUADD_BAD_CONFIG. */
export function parseFaults(text: string): Fault[] {
  const parts = text.split(';').filter((part) => part.trim() !== '')
  return parts.map((part) => parseFault(part.trim()))
}

function parseFault(text: string): Fault {
  const [, name = '', action = '', delayMs, times] = form.exec(text) ?? []
  if (!isName(name)) throw bad(text, `there is no failpoint ${JSON.stringify(name)}`)
  if (!actionsAt(name).some((one) => one === action))
    throw bad(text, `at ${name} there is ${actionsAt(name).join(', ')}`)
  return {
    name,
    action: action as Action,
    delayMs: Number(delayMs ?? defaultDelayMs),
    times: Number(times ?? Number.MAX_SAFE_INTEGER),
  }
}

const isName = (name: string): name is FailpointName => Object.hasOwn(failpoints, name)

const bad = (text: string, problem: string): SquadError =>
  new SquadError('SQUADD_BAD_CONFIG', `SQUADD_FAILPOINTS: ${JSON.stringify(text)}: ${problem}`, {
    field: 'SQUADD_FAILPOINTS',
    value: text,
    hint: 'write NAME=ACTION, NAME=ACTION*TIMES or NAME=delay(MS), with ; between them',
  })

/** What a failure at a failpoint looks like. */
export function faultError(name: FailpointName): SquadError {
  const { error }: Failpoint = failpoints[name]
  return new SquadError(error ?? 'SQUADD_INTERNAL', `failpoint ${name}`)
}
