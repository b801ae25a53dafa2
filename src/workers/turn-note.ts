import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { codeOf } from '../supervisor/domain/error.ts'
import type { AttemptKey } from '../supervisor/domain/message.ts'
import type { GitBase } from './change.ts'
import type { LaunchKey } from './hooks.ts'
import { pathOf } from './launch-files.ts'

/** What a later host has to know of a turn. */
export type TurnNote = {
  /** waiting: nothing was typed · typing: perhaps a part of it · entered: Enter was pressed. */
  phase: 'waiting' | 'typing' | 'entered'
  base: GitBase | null
  /** The start of the program it was typed into. */
  launch: LaunchKey | null
  /** When typing began, ms since 1970. */
  at: number
} & RecordPlace

/** How far the program's record had come before the turn. */
export type RecordPlace = { record: string | null; offset: number }

export function writeTurn(dir: string, key: AttemptKey, note: TurnNote): void {
  const path = pathOf(dir, key, 'turn')
  writeFileSync(`${path}.new`, JSON.stringify(note), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function readTurn(dir: string, key: AttemptKey): TurnNote | null {
  try {
    return JSON.parse(readFileSync(pathOf(dir, key, 'turn'), 'utf8')) as TurnNote
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}
