import { statSync } from 'node:fs'
import type { LogFacts } from '../checks/home.ts'
import { sizeOf } from '../files.ts'
import { tailOf } from '../log-tail.ts'

// Whatever is further back is no news.
const looked = 300

/** What a line says of something that went wrong; `at`: when, where the line tells. */
type Told = { says: string; at?: number }

/** A log of ours, and the newest of its last lines that tells of something wrong. */
export async function factsOfLog(
  path: string,
  now: number,
  wrongIn: (line: string) => Told | null,
): Promise<LogFacts> {
  const lines = await tailOf(path, looked)
  const told = lines.map(wrongIn).findLast((one) => one !== null)
  const writtenAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now
  const error = told ? { says: told.says, ageMs: Math.max(0, now - (told.at ?? writtenAt)) } : null
  return { path, bytes: sizeOf(path), error }
}

/** The daemon's log: an error of its own. What events tell is about agents and tasks. */
export function wrongInLog(line: string): Told | null {
  try {
    const { level, event, msg, err, time } = JSON.parse(line) as Record<string, unknown>
    if (level !== 'error' || event !== undefined) return null
    const { message } = (err ?? {}) as { message?: string }
    return { says: [msg, message].filter(Boolean).join(': '), at: Date.parse(String(time)) }
  } catch {
    return null
  }
}

/** What is printed comes from Node, from tools, from the last words of who died. */
export const wrongInPrint = (line: string): Told | null =>
  /error|exception|fatal|abort|killed|out of memory|assert|panic/i.test(line)
    ? { says: line }
    : null
