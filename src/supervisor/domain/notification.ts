import { SquadError } from './error.ts'
import type { EventType } from './event.ts'
import { eventTable } from './event.ts'
import { isAgentName } from './names.ts'
import type { Priority } from './task.ts'
import { priorities } from './task.ts'

/** Who is to be told of what, as it stands in the configuration. */
export type NotificationInput = {
  /** What it is called; default: the webhook's host, or `desktop`. */
  name?: string
  /** Types of events. */
  on: EventType[]
  /** Only of these agents. */
  agents?: string[]
  /** Only of tasks of these priorities. */
  priorities?: Priority[]
  /** Local time in which nobody is told, `22:00-07:00`: what comes then waits for its end. */
  quietHours?: string
  /** Where to post it: an http or https address. */
  webhook?: string
  /** `event` (default): the event and a line of text; `slack`: `{"text": …}`. */
  format?: 'event' | 'slack'
  /** A file whose content signs what is posted: an absolute path. */
  secretFile?: string
  /** The same from a variable of the daemon. */
  secretEnv?: string
  /** A notification of the desktop, instead of a webhook. */
  desktop?: true
}

export type Webhook = {
  kind: 'webhook'
  url: string
  format: 'event' | 'slack'
  secret: { file: string } | { env: string } | null
}

/** A checked rule. `quiet`: minutes of the local day. */
export type NotificationRule = {
  name: string
  on: ReadonlySet<EventType>
  agents: ReadonlySet<string> | null
  priorities: ReadonlySet<Priority> | null
  quiet: { from: number; to: number } | null
  target: Webhook | { kind: 'desktop' }
}

/** How a delivery ended. */
export type Delivery = { ok: true } | { ok: false; problem: string }

const fieldNames = {
  name: true,
  on: true,
  agents: true,
  priorities: true,
  quietHours: true,
  webhook: true,
  format: true,
  secretFile: true,
  secretEnv: true,
  desktop: true,
} as const satisfies Record<keyof NotificationInput, true>

// A notification that failed may not ask for another one.
const untold: readonly string[] = ['NotificationFailed']

/** Checks the notifications of a configuration. Throws SQUADD_BAD_CONFIG that names the field. */
export function readNotifications(given: unknown): NotificationRule[] {
  if (!Array.isArray(given))
    throw bad('notifications', 'is not a list', 'write [{ "on": ["TaskFailed"], "webhook": "…" }]')
  const rules = given.map(readRule)
  for (const [i, { name }] of rules.entries())
    if (rules.findIndex((one) => one.name === name) < i)
      throw bad(`notifications[${i}].name`, `"${name}" is taken`, 'give it another name')
  return rules
}

function readRule(given: unknown, index: number): NotificationRule {
  const at = `notifications[${index}]`
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw bad(at, 'is not an object', 'write { "on": ["TaskFailed"], "webhook": "…" }')
  for (const key of Object.keys(given))
    if (!Object.hasOwn(fieldNames, key))
      throw bad(`${at}.${key}`, 'is not a field', `there are ${Object.keys(fieldNames).join(', ')}`)
  const input = given as Partial<Record<keyof NotificationInput, unknown>>
  const target = readTarget(input, at)
  const types = Object.keys(eventTable).filter((type) => !untold.includes(type))
  return {
    name: readName(input.name, at, target),
    on: new Set(readWords(input.on ?? [], `${at}.on`, types) as EventType[]),
    agents: input.agents === undefined ? null : readAgents(input.agents, `${at}.agents`),
    priorities:
      input.priorities === undefined
        ? null
        : new Set(readWords(input.priorities, `${at}.priorities`, priorities) as Priority[]),
    quiet: input.quietHours === undefined ? null : readHours(input.quietHours, `${at}.quietHours`),
    target,
  }
}

function readTarget(
  { webhook, desktop, format, secretFile, secretEnv }: Partial<Record<string, unknown>>,
  at: string,
): NotificationRule['target'] {
  if ((webhook === undefined) === (desktop === undefined))
    throw bad(at, 'has not one target', 'give "webhook" or "desktop": true')
  if (desktop !== undefined) {
    if (desktop !== true) throw bad(`${at}.desktop`, 'is not true', 'leave it out or write true')
    for (const [name, value] of Object.entries({ format, secretFile, secretEnv }))
      if (value !== undefined) throw bad(`${at}.${name}`, 'is only for a webhook', 'leave it out')
    return { kind: 'desktop' }
  }
  if (format !== undefined && format !== 'event' && format !== 'slack')
    throw bad(`${at}.format`, 'is unknown', 'use event or slack')
  return {
    kind: 'webhook',
    url: readUrl(webhook, `${at}.webhook`),
    format: format ?? 'event',
    secret: readSecret(secretFile, secretEnv, at),
  }
}

/** The address may hold a secret: no message shows it. */
function readUrl(given: unknown, at: string): string {
  const url = typeof given === 'string' ? URL.parse(given) : null
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw bad(at, 'is no address', 'write http://… or https://…')
  if (url.username || url.password)
    throw bad(at, 'holds a user or password', 'sign with secretFile or secretEnv')
  return url.href
}

function readSecret(file: unknown, env: unknown, at: string): Webhook['secret'] {
  if (file !== undefined && env !== undefined)
    throw bad(`${at}.secretEnv`, 'is given besides secretFile', 'give one of them')
  if (file !== undefined) {
    if (typeof file === 'string' && /^\/[^\0]+$/.test(file)) return { file }
    throw bad(`${at}.secretFile`, 'is not an absolute path', 'write /path/to/secret')
  }
  if (env === undefined) return null
  if (typeof env === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(env)) return { env }
  throw bad(`${at}.secretEnv`, 'is not the name of a variable', 'write SQUADD_WEBHOOK_SECRET')
}

function readName(given: unknown, at: string, target: NotificationRule['target']): string {
  if (given === undefined) return target.kind === 'desktop' ? 'desktop' : new URL(target.url).host
  if (typeof given === 'string' && /^[\w.:-]{1,80}$/.test(given)) return given
  throw bad(`${at}.name`, 'is not a name', 'use up to 80 letters, digits, . : _ -')
}

function readWords(given: unknown, at: string, known: readonly string[]): string[] {
  if (!Array.isArray(given) || given.length === 0)
    throw bad(at, 'is not a list of words', `use ${known.join(', ')}`)
  for (const one of given as unknown[])
    if (!known.includes(one as string))
      throw bad(at, `has ${JSON.stringify(one)}`, `use ${known.join(', ')}`)
  return given as string[]
}

function readAgents(given: unknown, at: string): Set<string> {
  if (!Array.isArray(given) || given.length === 0)
    throw bad(at, 'is not a list of names', 'write ["ada"]')
  for (const one of given as unknown[])
    if (!isAgentName(one))
      throw bad(at, `has ${JSON.stringify(one)}`, 'which is no name of an agent')
  return new Set(given as string[])
}

function readHours(given: unknown, at: string): { from: number; to: number } {
  const hours = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(String(given))
  const [from, to] = hours
    ? [Number(hours[1]) * 60 + Number(hours[2]), Number(hours[3]) * 60 + Number(hours[4])]
    : [0, 0]
  if (from !== to) return { from, to }
  throw bad(at, 'are no hours', 'write 22:00-07:00, in local time')
}

/** Where a rule's notifications go, as it may be shown: of an address only the host. */
export const shownTarget = ({ target }: NotificationRule): string =>
  target.kind === 'desktop' ? 'desktop' : new URL(target.url).host

/** A notification's rule as it may be shown. */
export function shownNotification(input: NotificationInput): NotificationInput {
  if (input.webhook === undefined) return input
  const { protocol, host } = new URL(input.webhook)
  return { ...input, webhook: `${protocol}//${host}/…` }
}

function bad(field: string, problem: string, hint: string): SquadError {
  return new SquadError('SQUADD_BAD_CONFIG', `${field} ${problem}`, { field, hint })
}
