import type { ServerResponse } from 'node:http'
import { asSquadError, errors, SquadError } from '../domain/error.ts'
import type { ErrorCode } from '../domain/error.ts'
import { redactAll } from '../domain/redact.ts'
import { toWire } from './wire-error.ts'

/** An error and the status it is answered with. */
export type Failure = { error: SquadError; status: number }

/** On every reply: nothing here is for caches or guessing browsers. */
export const safeHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** A failure whose status says more than its code. */
export function failure(status: number, code: ErrorCode, message: string, hint?: string): Failure {
  return { status, error: new SquadError(code, message, hint ? { hint } : {}) }
}

/** Whatever was thrown as an answer: ours by the table, the framework's by the status it chose. */
export function toFailure(thrown: unknown, closing: boolean): Failure {
  if (thrown instanceof SquadError) return { error: thrown, status: errors[thrown.code].http }
  if (closing) return failure(503, 'SQUADD_SHUTTING_DOWN', 'the daemon stops', 'try again later')
  const { statusCode, message } = thrown as { statusCode?: number; message?: string }
  if (statusCode === 413)
    return failure(413, 'SQUADD_TOO_LARGE', 'the body is too large', 'send it in parts')
  if (statusCode === 415)
    return failure(415, 'SQUADD_INVALID', 'the body is not JSON', 'send application/json')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return failure(statusCode, 'SQUADD_INVALID', `the request is not valid: ${message}`)
  return { error: asSquadError(thrown), status: 500 }
}

/** The headers and body that say it. */
export function errorReply({ error, status }: Failure) {
  const wait = error.data['retryAfterMs']
  const seconds = typeof wait === 'number' ? Math.max(1, Math.ceil(wait / 1000)) : 1
  return {
    headers: {
      ...safeHeaders,
      'content-type': 'application/json; charset=utf-8',
      ...(status === 429 ? { 'retry-after': String(seconds) } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: JSON.stringify(redactAll(toWire(error))),
  }
}

/** Answers a request that nobody has looked into, and hangs up: its body stays unread. */
export function refuse(response: ServerResponse, refusal: Failure): void {
  const { headers, body } = errorReply(refusal)
  response.writeHead(refusal.status, { ...headers, connection: 'close' }).end(body)
}
