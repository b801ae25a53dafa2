import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Home } from '../home.ts'
import { prepareHome, resolveHome } from '../home.ts'

let own: Home | undefined

/** A home of this process alone, for library use without one; removed when the process exits. */
export function processHome(): Home {
  if (own) return own
  const base = process.env['XDG_RUNTIME_DIR'] ?? tmpdir()
  const root = mkdtempSync(join(base, 'squadd-'))
  own = resolveHome({ home: root, env: process.env })
  prepareHome(own)
  process.once('exit', () => rmSync(root, { recursive: true, force: true }))
  return own
}
