/**
 * Every error squadd answers with, in one table: the HTTP status, the exit code of the command
 * line, and whether the same call may succeed later without a change.
 */
export const errors = {
  SQUADD_INVALID: { http: 400, exit: 2, retryable: false, doc: 'A value is missing or not valid.' },
  SQUADD_TOO_LARGE: {
    http: 413,
    exit: 2,
    retryable: false,
    doc: 'A value is larger than its limit.',
  },
  SQUADD_NOT_AUTHORISED: { http: 401, exit: 4, retryable: false, doc: 'No token, or a wrong one.' },
  SQUADD_FORBIDDEN: {
    http: 403,
    exit: 4,
    retryable: false,
    doc: 'The request is refused for its origin.',
  },
  SQUADD_NOT_FOUND: { http: 404, exit: 5, retryable: false, doc: 'No such agent, task or route.' },
  SQUADD_CONFLICT: {
    http: 409,
    exit: 6,
    retryable: false,
    doc: 'The present state does not allow it.',
  },
  SQUADD_ALREADY_RUNNING: {
    http: 409,
    exit: 6,
    retryable: false,
    doc: 'Another daemon holds this home.',
  },
  SQUADD_QUEUE_FULL: { http: 429, exit: 1, retryable: true, doc: 'The queue is at its limit.' },
  SQUADD_BUSY: { http: 503, exit: 1, retryable: true, doc: 'A limit is reached for the moment.' },
  SQUADD_SHUTTING_DOWN: {
    http: 503,
    exit: 1,
    retryable: true,
    doc: 'The daemon takes no new work.',
  },
  SQUADD_STORE_FAILED: {
    http: 503,
    exit: 1,
    retryable: true,
    doc: 'The store could not write or read.',
  },
  SQUADD_STORE_CORRUPT: {
    http: 500,
    exit: 78,
    retryable: false,
    doc: 'The store file is damaged or newer.',
  },
  SQUADD_NOT_RUNNING: {
    http: 503,
    exit: 3,
    retryable: true,
    doc: 'No daemon answers in this home.',
  },
  SQUADD_TIMEOUT: {
    http: 504,
    exit: 7,
    retryable: true,
    doc: 'It did not happen in the given time.',
  },
  SQUADD_TASK_UNSUCCESSFUL: {
    http: 409,
    exit: 8,
    retryable: false,
    doc: 'The task did not succeed.',
  },
  SQUADD_GIT: { http: 422, exit: 1, retryable: false, doc: 'git refused.' },
  SQUADD_TMUX: { http: 500, exit: 1, retryable: true, doc: 'tmux refused or is gone.' },
  SQUADD_BAD_CONFIG: {
    http: 422,
    exit: 78,
    retryable: false,
    doc: 'The configuration or its surroundings do not work.',
  },
  SQUADD_POOL_NOT_STARTED: {
    http: 503,
    exit: 1,
    retryable: false,
    doc: 'The worker pool is not started.',
  },
  SQUADD_POOL_QUEUE_FULL: {
    http: 429,
    exit: 1,
    retryable: true,
    doc: 'The worker pool queue is full.',
  },
  SQUADD_POOL_SHUTTING_DOWN: {
    http: 503,
    exit: 1,
    retryable: false,
    doc: 'The worker pool is shutting down.',
  },
  SQUADD_POOL_JOB_ABORTED: {
    http: 409,
    exit: 1,
    retryable: false,
    doc: 'A job of the worker pool was aborted.',
  },
  SQUADD_POOL_WORKER_DIED: {
    http: 500,
    exit: 1,
    retryable: false,
    doc: 'The worker of a job ended before the job did.',
  },
  SQUADD_NOTIFICATION_FAILED: {
    http: 502,
    exit: 1,
    retryable: true,
    doc: 'A test of a notification was not taken.',
  },
  SQUADD_INTERNAL: { http: 500, exit: 1, retryable: false, doc: 'A defect in squadd.' },
} as const satisfies Record<string, { http: number; exit: number; retryable: boolean; doc: string }>

export type ErrorCode = keyof typeof errors

/** Facts about an error that a program may use; `hint` says what to do. */
export type ErrorData = {
  field?: string
  value?: unknown
  hint?: string
  [more: string]: unknown
}

/** The one error class of squadd. `message` names the field, the value and the way out. */
export class SquadError extends Error {
  readonly code: ErrorCode
  readonly data: ErrorData

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, cause?: unknown) {
    super(data.hint ? `${message}; ${data.hint}` : message, cause === undefined ? {} : { cause })
    this.name = 'SquadError'
    this.code = code
    this.data = data
  }
}

/** A bad input: `field` is the name the user gave it under, `hint` what to do instead. */
export function invalid(field: string, value: unknown, problem: string, hint: string): SquadError {
  return new SquadError('SQUADD_INVALID', `${field} ${show(value)} ${problem}`, {
    field,
    value,
    hint,
  })
}

/** The error of an unknown failure, so that every edge answers with a code. */
export function asSquadError(error: unknown): SquadError {
  if (error instanceof SquadError) return error
  return new SquadError('SQUADD_INTERNAL', messageOf(error), {}, error)
}

/** A value as it may appear in a message: quoted, on one line, at most 80 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** The name of what went wrong, as the system (`ENOENT`) or squadd gives it. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

/** What went wrong, in its own words. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
