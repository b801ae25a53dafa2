import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Home } from '../home.ts'
import { resolveHome } from '../home.ts'

/** A home in the folder for temporary files, for agents that end with this process. */
export function scratchHome(): Home {
  const root = mkdtempSync(join(tmpdir(), 'squadd-'))
  try {
    return resolveHome({ home: root, env: process.env })
  } catch (error) {
    rmSync(root, { recursive: true, force: true })
    throw error
  }
}

/** Removes a home whose agents have ended; one where a worktree is left stays as it is. */
export function discardHome({ root, worktreesDir }: Home): void {
  const isEmpty = !existsSync(worktreesDir) || readdirSync(worktreesDir).length === 0
  if (isEmpty) rmSync(root, { recursive: true, force: true })
}
