import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Detector, Fields, Signal, Turn } from '../../../src/workers/programs/terminal.ts'
import { fieldsOf } from '../../../src/workers/programs/terminal.ts'

const recordings = join(import.meta.dirname, '../../fixtures/signals')

type Line = { at: number; source: string; name?: string; data: unknown }

/** One turn of a recording: what was typed, and what came until the next prompt. */
export type RecordedTurn = { prompt: string; from: number; lines: Line[] }

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
  for (const line of lines) {
    if (line.source === 'key' && line.name === 'paste')
      turns.push({ prompt: String(line.data), from: line.at, lines: [] })
    else turns.at(-1)?.lines.push(line)
  }
  return { name, pid: Number(fieldsOf(start?.data)['pid'] ?? 0), turns }
}

/** The signals of a turn as the engine would hand them over, in the order in which they came. */
export function signalsOf({ lines }: RecordedTurn): Signal[] {
  return lines.flatMap((line): Signal[] => {
    const { at, source, name = '', data } = line
    if (source === 'hook') return [{ source, event: name, data: fieldsOf(data), at }]
    if (source === 'status') return [{ source, data: fieldsOf(data), at }]
    if (source === 'transcript') return [{ source: 'record', data: fieldsOf(data), at }]
    if (source === 'title') return [{ source, text: String(data), at }]
    if (source === 'process' && name === 'exit') return [{ source: 'gone', reason: 'gone', at }]
    return []
  })
}

const env: Fields & Record<string, string> = { HOME: '/home/user' }

/**
 * What a detector makes of signals: each at its time, the clock whenever it was asked for, a title
 * only while it is wanted (then the one that stands there). `lateMs`: how long after the last signal
 * it may still find the end.
 */
export function judge<T extends Turn>(
  detector: Detector<T>,
  prompt: string,
  signals: readonly Signal[],
  { pid = 0, from = 0, lateMs = 60_000 } = {},
): { turn: T; phases: string[]; endedAt: number | null } {
  let turn = detector.begin(prompt, { pid, env, now: from })
  let title: string | null = null
  let endedAt: number | null = null
  const phases: string[] = [turn.phase]
  const feed = (signal: Signal) => {
    turn = detector.next(turn, signal)
    if (turn.phase !== phases.at(-1)) phases.push(turn.phase)
    if (turn.end && endedAt === null) endedAt = signal.at
    if (turn.wantsTitle && title !== null && signal.source !== 'title')
      feed({ source: 'title', text: title, at: signal.at })
  }
  const clock = (until: number) => {
    while (turn.wakeAt !== null && turn.wakeAt <= until && !turn.end)
      feed({ source: 'clock', at: turn.wakeAt })
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
