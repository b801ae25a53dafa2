import { Readable } from 'node:stream'
import { redactAll } from '../domain/redact.ts'

/** A value as redacted JSON. */
export type RedactLarge = (value: unknown) => Promise<string | Uint8Array>

/** What costs about a millisecond to redact. */
const smallWeight = 20_000
/** What goes to another thread at once: to copy it there takes a moment of this one. */
const partWeight = 500_000

/** The JSON of a reply without the secrets that can be told; a long one is made in parts elsewhere. */
export async function jsonView(
  value: unknown,
  redactLarge: RedactLarge,
): Promise<string | Uint8Array | Readable> {
  if (weigh(value) <= smallWeight) return JSON.stringify(redactAll(value))
  if (!Array.isArray(value)) return redactLarge(value)
  return Readable.from(inParts(value, redactLarge), { objectMode: false })
}

async function* inParts(items: readonly unknown[], redactLarge: RedactLarge) {
  let before = '['
  for (const part of partsOf(items)) {
    const json = await redactLarge(part)
    yield before
    // Bytes stay where they are: a copy would be a large text more in memory.
    yield typeof json === 'string' ? json.slice(1, -1) : json.subarray(1, -1)
    before = ','
  }
  yield ']'
}

export const redactHere: RedactLarge = async (value) => JSON.stringify(redactAll(value))

function* partsOf(items: readonly unknown[]): Generator<unknown[]> {
  let part: unknown[] = []
  let weight = 0
  for (const item of items) {
    part.push(item)
    weight += weigh(item)
    if (weight < partWeight) continue
    yield part
    part = []
    weight = 0
  }
  if (part.length > 0) yield part
}

/** What a value is to redact: its characters, and something for each part of it. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return 20 + value.length
  if (typeof value !== 'object' || value === null) return 20
  return Object.values(value).reduce<number>((sum, item) => sum + weigh(item), 20)
}
