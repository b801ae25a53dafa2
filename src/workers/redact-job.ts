import { redactAll } from '../supervisor/domain/redact.ts'

/** A value as JSON, redacted on a worker thread: texts of tasks may be long. */
export const redactJob = (value: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(redactAll(value)))
