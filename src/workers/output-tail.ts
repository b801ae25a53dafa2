import { closeSync, openSync, readSync, readdirSync, fstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { segmentsOf } from './output-record.ts'
import { stripTerminal } from './strip-terminal.ts'

/** The last of an attempt's output. */
export type OutputTail = {
  text: string
  /** What the launcher printed last, or null when the record does not hold it. */
  end: EndMarker | null
}

export type EndMarker = { status: number; verify: number | null }

export type TailOptions = {
  logs: string
  key: string
  outputLimitBytes: number
  outputTailBytes: number
  nonce: string
}

/** The end marker lies within this many bytes of the end, unless something goes on printing. */
const markerBytes = 65_536
const markerPatienceMs = 1000
const markerLimitMs = 15_000

/** The end of the output as it is on disk now. */
export function readTail(options: TailOptions): OutputTail {
  const wanted = Math.max(options.outputTailBytes, markerBytes)
  const { bytes, cut } = lastBytes(segmentPaths(options), wanted)
  const marker = bytes.lastIndexOf(`\x1b]777;sq;${options.nonce};`)
  const end =
    marker < 0 ? null : parseMarker(bytes.subarray(marker, marker + 80).toString('latin1'))
  const start = Math.max(0, bytes.length - options.outputTailBytes)
  return { text: decode(bytes.subarray(start), cut || start > 0), end }
}

/**
 * The end of the output once the launcher's end marker is in it, the proof that it is whole. Gives up
 * when the record has not grown for a second, or goes on growing for 15 s; `end` is null then.
 */
export async function awaitTail(options: TailOptions): Promise<OutputTail> {
  const giveUpAt = performance.now() + markerLimitMs
  let until = performance.now() + markerPatienceMs
  let recorded = recordedSoFar(options)
  for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 64)) {
    const tail = readTail(options)
    if (tail.end || performance.now() > Math.min(until, giveUpAt)) return tail
    await delay(waitMs)
    const before = recorded
    recorded = recordedSoFar(options)
    if (recorded !== before) until = performance.now() + markerPatienceMs
  }
}

/** Changes whenever something is recorded. */
function recordedSoFar(options: TailOptions): string {
  const newest = segmentPaths(options)[0]
  return newest === undefined ? '' : `${newest} ${statOf(newest)?.size}`
}

/** When an attempt last printed something, ms since 1970; null when it has not. */
export function lastOutputAt(options: Pick<TailOptions, 'logs' | 'key' | 'outputLimitBytes'>) {
  const newest = segmentPaths(options)[0]
  return newest === undefined ? null : (statOf(newest)?.mtimeMs ?? null)
}

/** The segments that follow on each other without a gap, newest first. */
function segmentPaths(options: Pick<TailOptions, 'logs' | 'key' | 'outputLimitBytes'>): string[] {
  const path = (n: number) => join(options.logs, `${options.key}.log.${n}`)
  const first = statOf(path(0))
  if (!first) return []
  // Most attempts have one segment: then the folder need not be read.
  if (first.size < segmentsOf(options.outputLimitBytes).segmentBytes) return [path(0)]
  const prefix = `${options.key}.log.`
  const numbers = readdirSync(options.logs)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a)
  const newest = numbers[0] ?? 0
  return numbers.filter((n, i) => n === newest - i).map(path)
}

const statOf = (path: string) => statSync(path, { throwIfNoEntry: false })

/** At most `wanted` bytes from the end; `cut`: there are more before them. */
function lastBytes(newestFirst: string[], wanted: number): { bytes: Buffer; cut: boolean } {
  const parts: Buffer[] = []
  let missing = wanted
  for (const [i, path] of newestFirst.entries()) {
    const part = lastBytesOf(path, missing)
    parts.unshift(part.bytes)
    missing -= part.bytes.length
    if (part.cut || missing === 0)
      return { bytes: Buffer.concat(parts), cut: part.cut || i < newestFirst.length - 1 }
  }
  return { bytes: Buffer.concat(parts), cut: newestFirst.at(-1)?.endsWith('.log.0') === false }
}

function lastBytesOf(path: string, wanted: number): { bytes: Buffer; cut: boolean } {
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    const bytes = Buffer.alloc(Math.min(size, wanted))
    const got = readSync(file, bytes, 0, bytes.length, size - bytes.length)
    return { bytes: bytes.subarray(0, got), cut: size > wanted }
  } finally {
    closeSync(file)
  }
}

function parseMarker(text: string): EndMarker | null {
  // oxlint-disable-next-line no-control-regex -- the marker is an OSC sequence
  const match = /^\x1b\]777;sq;[0-9a-f]+;(\d+);(\d+|null)\x07/.exec(text)
  if (!match) return null
  return { status: Number(match[1]), verify: match[2] === 'null' ? null : Number(match[2]) }
}

/** Text of bytes that may begin anywhere: then at the next line, or the next whole character. */
function decode(bytes: Buffer, cut: boolean): string {
  let start = 0
  if (cut) {
    const line = bytes.subarray(0, 1024).indexOf(10)
    if (line >= 0) start = line + 1
    else while (start < bytes.length && (bytes[start]! & 0xc0) === 0x80) start++
  }
  return stripTerminal(bytes.subarray(start).toString('utf8'))
}
