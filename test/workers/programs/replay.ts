import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fields } from '../../../src/workers/programs/fields.ts'
import type { Detector, Signal, Turn } from '../../../src/workers/programs/turn.ts'
import { fieldsOf } from '../../../src/workers/programs/fields.ts'

const recordings = join(import.meta.dirname, '../../fixtures/signals')

type Line = { at: number; source: string; name?: string; data: unknown }

/** One turn of a recording: what was typed under which title, and what came until the next prompt. */
export type RecordedTurn = { prompt: string; from: number; title: string | null; lines: Line[] }

export type Recording = { name: string; pid: number; turns: RecordedTurn[] }

/** Everything that was recorded of a program in its terminal, by scene. */
export function recordingsOf(program: string): Map<string, Recording> {
  const folder = join(recordings, program)
  const names = readdirSync(folder).filter((name) => /^(?!headless-).*\.ndjson$/.test(name))
  return new Map(names.map((name) => [name.replace('.ndjson', ''), read(folder, name)]))
}

function read(folder: string, name: string): Recording {
  const text = readFileSync(join(folder, name), 'utf8').trim()
  const lines = text.split('\n').map((line) => JSON.parse(line) as Line)
  const start = lines.find((line) => line.source === 'process' && line.name === 'start')
  const turns: RecordedTurn[] = []
  const zero = zeroOf(lines)
  let title: string | null = null
  for (const { at, ...line } of lines) {
    if (line.source === 'title') title = String(line.data)
    if (line.source === 'key' && line.name === 'paste')
      turns.push({ prompt: String(line.data), from: zero + at, title, lines: [] })
    else turns.at(-1)?.lines.push({ at: zero + at, ...line })
  }
  return { name, pid: Number(fieldsOf(start?.data)['pid'] ?? 0), turns }
}

/** A recording counts from its first prompt; what opencode tells also names the time of day. */
function zeroOf(lines: readonly Line[]): number {
  const created = lines.find(({ name }) => name === 'session_created')
  const time = /"created":(\d{13})/.exec(JSON.stringify(created?.data ?? null))?.[1]
  return time === undefined ? 0 : Number(time) - created!.at
}

/** The signals of a turn as the engine would hand them over, in the order in which they came. */
export function signalsOf({ lines }: RecordedTurn): Signal[] {
  return lines.flatMap((line): Signal[] => {
    const { at, source, name = '', data } = line
    if (source === 'hook')
      return [{ source, event: name.replace('_', '.'), data: fieldsOf(data), at }]
    if (source === 'status') return [{ source, data: fieldsOf(data), at }]
    if (source === 'transcript') return [{ source: 'record', data: fieldsOf(data), at }]
    if (source === 'title') return [{ source, text: String(data), at }]
    if (source === 'process' && name === 'exit') return [{ source: 'gone', reason: 'gone', at }]
    return []
  })
}

/** How often a title that is wanted is looked at. */
const titleMs = 100

const env: Fields & Record<string, string> = { HOME: '/home/user' }

/**
 * What a detector makes of signals: each at its time, the clock whenever it was asked for, a title
 * only while it is wanted (then the one that stands there, again and again). `lateMs`: how long after the last signal
 * it may still find the end.
 */
export function judge<T extends Turn>(
  detector: Detector<T>,
  prompt: string,
  signals: readonly Signal[],
  { pid = 0, from = 0, lateMs = 60_000, title: before = null as string | null } = {},
): { turn: T; phases: string[]; endedAt: number | null } {
  let turn = detector.begin(prompt, { pid, env, now: from })
  let title = before
  let now = from
  let endedAt: number | null = null
  const phases: string[] = [turn.phase]
  const feed = (signal: Signal) => {
    now = signal.at
    turn = detector.next(turn, signal)
    if (turn.phase !== phases.at(-1)) phases.push(turn.phase)
    if (turn.end && endedAt === null) endedAt = signal.at
    if (turn.wantsTitle && title !== null && signal.source !== 'title')
      feed({ source: 'title', text: title, at: signal.at })
  }
  const clock = (until: number) => {
    while (!turn.end) {
      const woken = turn.wakeAt === null ? Infinity : Math.max(turn.wakeAt, now)
      const looked = turn.wantsTitle && title !== null ? now + titleMs : Infinity
      if (Math.min(woken, looked) > until) return
      if (woken <= looked) feed({ source: 'clock', at: woken })
      else feed({ source: 'title', text: title!, at: looked })
    }
  }
  for (const signal of signals) {
    clock(signal.at)
    if (signal.source !== 'title') feed(signal)
    else {
      title = signal.text
      if (turn.wantsTitle) feed(signal)
    }
  }
  clock((signals.at(-1)?.at ?? from) + lateMs)
  return { turn, phases, endedAt }
}

/** How a turn ended, in a word or two. */
export const endOf = ({ end }: Turn): string =>
  end === null ? 'open' : end.cause === null ? end.kind : `${end.kind} ${end.cause}`
