import type { ErrorCode, ErrorData } from '../domain/error.ts'
import { errors, SquadError } from '../domain/error.ts'

/** An error as it travels: `{"error": …}`. */
export type WireError = {
  error: {
    code: ErrorCode
    message: string
    field?: string
    hint?: string
    data?: Record<string, unknown>
  }
}

// A value longer than this (a prompt, say) is not sent back.
const longestValue = 200

/** The reply for an error. */
export function toWire(error: SquadError): WireError {
  const { field, hint, value, ...rest } = error.data
  if (value !== undefined && sizeOf(value) <= longestValue) rest['value'] = value
  return {
    error: {
      code: error.code,
      message: plainMessage(error),
      ...(field === undefined ? {} : { field }),
      ...(hint === undefined ? {} : { hint }),
      ...(Object.keys(rest).length === 0 ? {} : { data: rest }),
    },
  }
}

const sizeOf = (value: unknown): number => (JSON.stringify(value) ?? '').length

/** The error of a reply, as it was thrown; SQUADD_INTERNAL when it is none of ours. */
export function fromWire(body: unknown, status: number): SquadError {
  const wire = (body as Partial<WireError> | null)?.error
  if (typeof wire !== 'object' || wire === null || !Object.hasOwn(errors, wire.code))
    return new SquadError('SQUADD_INTERNAL', `the daemon answered ${status} without a reason`)
  const data: ErrorData = { ...wire.data }
  if (wire.field !== undefined) data.field = wire.field
  if (wire.hint !== undefined) data.hint = wire.hint
  return new SquadError(wire.code, wire.message, data)
}

/** The message without its hint. */
function plainMessage({ message, data }: SquadError): string {
  const end = data.hint ? `; ${data.hint}` : ''
  return end && message.endsWith(end) ? message.slice(0, -end.length) : message
}
