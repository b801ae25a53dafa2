import { InvalidArgumentError } from 'commander'
import type { Address } from '../src/supervisor/domain/address.ts'
import { isLoopback, parseAddress } from '../src/supervisor/domain/address.ts'
import { invalid } from '../src/supervisor/domain/error.ts'
import { parseDuration } from '../src/supervisor/domain/time.ts'

/** `500ms`, `30s`, `5m`, `2h` as milliseconds. */
export function duration(text: string): number {
  try {
    return parseDuration(text, 'duration')
  } catch {
    throw new InvalidArgumentError('Write 500ms, 30s, 5m or 2h.')
  }
}

/** A whole number from `min`. */
export const whole =
  (min: number) =>
  (text: string): number => {
    const number = Number(text)
    if (/^\d{1,15}$/.test(text) && number >= min) return number
    throw new InvalidArgumentError(`Give a whole number from ${min}.`)
  }

/** An amount of money. */
export function amount(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give an amount like 2.50.')
}

/** A time as `2026-11-22T10:00:00Z` or from now on as `+30m`: ms since 1970. */
export function time(text: string): number {
  if (text.startsWith('+')) return Date.now() + duration(text.slice(1))
  const at = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(at)) return at
  throw new InvalidArgumentError('Write 2026-11-22T10:00:00Z or +30m.')
}

/** Collects what a repeated option was given. */
export const each = (value: string, before: string[] = []): string[] => [...before, value]

/** `HOST:PORT`, an IPv6 address in brackets. */
export function address(text: string): Address {
  const found = parseAddress(text)
  if (found) return found
  throw new InvalidArgumentError('Write it as 127.0.0.1:7340.')
}

/** The same, on this machine alone. */
export function loopbackAddress(text: string): Address {
  const found = address(text)
  if (isLoopback(found.host)) return found
  throw new InvalidArgumentError(
    'Others could read it there: use 127.0.0.1, or scrape --listen with the token.',
  )
}

/** `KEY=VALUE`, or `KEY` for the value it has here. Throws SQUADD_INVALID when it has none. */
export function variables(
  given: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const entries = given.map((text) => {
    const at = text.indexOf('=')
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
    const value = env[text]
    if (value === undefined) throw invalid('--env', text, 'is not set here', 'write KEY=VALUE')
    return [text, value]
  })
  return Object.fromEntries(entries) as Record<string, string>
}
