import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../supervisor/domain/error.ts'
import type { LaunchKey } from './hooks.ts'

const fileOf = (dir: string): string => join(dir, 'launch', 'program')

/** Notes for later hosts which start of the interactive program runs; null: none does. */
export function noteProgram(dir: string, launch: LaunchKey | null): void {
  if (launch === null) rmSync(fileOf(dir), { force: true })
  else writeFileSync(fileOf(dir), `${launch}\n`, { mode: 0o600 })
}

export function notedProgram(dir: string): LaunchKey | null {
  try {
    return readFileSync(fileOf(dir), 'utf8').trim() || null
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}
