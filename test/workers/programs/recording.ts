import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Detector, Signal, Turn } from '../../../src/workers/programs/terminal.ts'

/** A line of test/fixtures/signals. */
type Line = { at: number; source: string; name?: string; data: unknown }

export type Moment = { at: number; signal: Signal }
/** What followed one prompt. */
export type RecordedTurn = { prompt: string; at: number; moments: Moment[]; titles: Title[] }
type Title = { at: number; text: string }

const folder = (program: string) => join(import.meta.dirname, '../../fixtures/signals', program)

export const scenesOf = (program: string): string[] =>
  readdirSync(folder(program))
    .filter((name) => name.endsWith('.ndjson') && !name.startsWith('headless-'))
    .map((name) => name.slice(0, -'.ndjson'.length))

/** The turns of a recording; what was there before a prompt belongs to none. */
export function recordedTurns(program: string, scene: string): RecordedTurn[] {
  const text = readFileSync(join(folder(program), `${scene}.ndjson`), 'utf8')
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const zero = zeroOf(lines)
  const turns: RecordedTurn[] = []
  let title: Title = { at: zero, text: '' }
  for (const line of lines) {
    const at = zero + line.at
    const turn = turns.at(-1)
    if (line.source === 'title') {
      title = { at, text: String(line.data) }
      turn?.titles.push(title)
    } else if (line.source === 'key' && line.name === 'paste')
      turns.push({ prompt: String(line.data), at, moments: [], titles: [title] })
    else if (turn) turn.moments.push(...momentsIn(line, at))
  }
  return turns
}

/** Recordings count from their first prompt; some signals name the time of day. */
function zeroOf(lines: readonly Line[]): number {
  const created = lines.find(({ name }) => name === 'session_created')
  const time = /"created":(\d{13})/.exec(JSON.stringify(created?.data ?? null))?.[1]
  return time === undefined ? 1_795_000_000_000 : Number(time) - created!.at
}

function momentsIn({ source, name = '', data }: Line, at: number): Moment[] {
  const fields = data as Record<string, unknown>
  switch (source) {
    case 'hook':
      return [{ at, signal: { source, event: name.replace('_', '.'), data: fields, at } }]
    case 'transcript':
      return [{ at, signal: { source: 'record', data: fields, at } }]
    case 'process':
      return name === 'exit' ? [{ at, signal: { source: 'gone', reason: 'it ended', at } }] : []
    default:
      return []
  }
}

const lookMs = 100
/** Nothing comes after the last line. */
const afterMs = 70_000

/** The turn as it would have been seen: with the clock and the title at the times it asks for them. */
export function replay<T extends Turn>(detector: Detector<T>, recorded: RecordedTurn): T {
  const { prompt, at: from, moments, titles } = recorded
  let turn = detector.begin(prompt, { pid: 1, env: {}, now: from })
  let now = from
  const passTo = (until: number) => {
    while (turn.phase !== 'ended') {
      const clock = turn.wakeAt === null ? Infinity : Math.max(turn.wakeAt, now)
      const look = turn.wantsTitle ? now + lookMs : Infinity
      const next = Math.min(clock, look)
      if (next > until) break
      now = next
      if (clock <= look) turn = detector.next(turn, { source: 'clock', at: now })
      else {
        const text = titles.findLast(({ at }) => at <= now)?.text ?? ''
        turn = detector.next(turn, { source: 'title', text, at: now })
      }
    }
    now = Math.max(now, until)
  }
  for (const { at, signal } of moments) {
    passTo(at)
    if (turn.phase === 'ended') break
    turn = detector.next(turn, signal)
  }
  passTo(now + afterMs)
  return turn
}

/** How a turn ended, in a word or two. */
export const endOf = ({ end }: Turn): string =>
  end === null ? 'open' : end.cause === null ? end.kind : `${end.kind} ${end.cause}`
