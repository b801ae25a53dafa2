import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { codeOf } from '../supervisor/domain/error.ts'
import type { Signal } from './programs/turn.ts'
import { fieldsOf } from './programs/fields.ts'
import { shellQuote } from './shell-quote.ts'

/** One start of an interactive program: names its facts, and the hooks that belong to it. `p1a2b` */
export type LaunchKey = string

/** Never used twice: a hook of an earlier start counts for nothing. */
export const newLaunchKey = (): LaunchKey =>
  `p${Date.now().toString(36)}${randomBytes(4).toString('hex')}`

const hookName = /^(p[0-9a-z]+)\.([A-Za-z.-]+)\.(\d+)\.hook$/
const factName = /^(p[0-9a-z]+)\.(started|exit)$/

export const isLaunchKey = (text: string): boolean => /^p[0-9a-z]{1,40}$/.test(text)

/** The start that a file in the outbox belongs to; undefined for any other name. */
export const launchOf = (name: string): LaunchKey | undefined =>
  (hookName.exec(name) ?? factName.exec(name))?.[1]

/**
 * The command of a hook: what it gets on its standard input appears in the outbox, whole or not at
 * all, whether we run or not. POSIX sh and two programs, 5 ms.
 */
export function hookCommand(outbox: string, launch: LaunchKey, event: string): string {
  const draft = shellQuote(`${outbox}/.${launch}.`)
  const whole = shellQuote(`${outbox}/${launch}.${event}.`)
  return `cat >${draft}$$ && mv ${draft}$$ ${whole}$$.hook`
}

/** The path of a signal's file up to its event, for programs that write it themselves. */
export const hookPrefix = (outbox: string, launch: LaunchKey): string => `${outbox}/${launch}.`

export type HookSignal = Signal & { source: 'hook' }

/** The hooks of a start that have come, oldest first, but those that `known` names; with their names. */
export function readHooks(
  outbox: string,
  launch: LaunchKey,
  known: ReadonlySet<string>,
): { name: string; signal: HookSignal }[] {
  return readdirSync(outbox)
    .filter((name) => hookName.exec(name)?.[1] === launch && !known.has(name))
    .flatMap((name) => readHook(outbox, name) ?? [])
    .sort((a, b) => a.order - b.order || a.number - b.number)
}

function readHook(outbox: string, name: string) {
  const path = join(outbox, name)
  try {
    const at = statSync(path, { bigint: true }).mtimeNs
    const signal: HookSignal = {
      source: 'hook',
      event: hookName.exec(name)?.[2] ?? '',
      data: parse(readFileSync(path, 'utf8')),
      at: Number(at / 1_000_000n),
    }
    // The kernel's clock ticks some ms: what came in one tick goes by its number.
    const number = Number(hookName.exec(name)?.[3])
    return { name, signal, order: Number(at % 10n ** 15n), number }
  } catch (error) {
    // Someone emptied the outbox.
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string) {
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Removes hooks by name, or with `launch` all that do not belong to it. */
export function deleteHooks(outbox: string, which: Iterable<string> | { but: LaunchKey }): void {
  const names =
    'but' in which
      ? readdirSync(outbox).filter((name) => (launchOf(name) ?? which.but) !== which.but)
      : which
  for (const name of names) rmSync(join(outbox, name), { force: true })
}
