import { errors, SquadError } from '../../supervisor/domain/error.ts'
import type { ErrorCode, ErrorData } from '../../supervisor/domain/error.ts'

/** What was thrown in a thread, in a form that reaches the other side whole. */
export type Packed = { thrown: unknown; name?: string; own?: Record<string, unknown> }

/**
 * What was thrown, ready for its way between threads: an error alone would lose its own properties,
 * such as `code`.
 */
export function packError(thrown: unknown): Packed {
  return thrown instanceof Error
    ? { thrown: copyable(thrown), name: thrown.name, own: ownOf(thrown) }
    : { thrown: canCopy(thrown) ? thrown : String(thrown) }
}

/** What the job has thrown. */
export function unpackError({ thrown, name, own }: Packed): unknown {
  if (!(thrown instanceof Error)) return thrown
  if (name === 'SquadError' && own && Object.hasOwn(errors, String(own['code'])))
    return squadError(thrown, own)
  if (name !== undefined && thrown.name !== name)
    Object.defineProperty(thrown, 'name', { value: name, configurable: true, writable: true })
  return Object.assign(thrown, own)
}

function squadError({ message, stack, cause }: Error, own: Record<string, unknown>): SquadError {
  const error = new SquadError(own['code'] as ErrorCode, message, {}, cause)
  return Object.assign(error, { data: own['data'] as ErrorData, stack })
}

function copyable(error: Error): Error {
  if (canCopy(error)) return error
  const copy = new Error(error.message)
  return Object.assign(copy, { stack: error.stack })
}

function ownOf(error: Error): Record<string, unknown> {
  const extra = Object.entries(error).filter(([key, value]) => key !== 'name' && canCopy(value))
  return Object.fromEntries(extra)
}

function canCopy(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
