import { execFile } from 'node:child_process'
import type { Delivery } from '../domain/notification.ts'
import type { Notice } from '../domain/ports.ts'
import { wordsFor } from './words.ts'

const program = 'notify-send'

/** Shows a notice on the desktop of the user whose session the daemon was started in. */
export async function showOnDesktop(
  { event }: Notice,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv,
): Promise<Delivery> {
  // Desktops take the text for markup.
  const text = wordsFor(event).replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return new Promise((resolve) => {
    execFile(
      program,
      ['--app-name=squadd', '--', 'squadd', text],
      { env, signal, killSignal: 'SIGKILL' },
      (error, _stdout, stderr) => resolve(error ? { ok: false, problem: why(error, stderr) } : ok),
    )
  })
}

const ok: Delivery = { ok: true }

function why(error: Error & { code?: unknown }, stderr: string): string {
  if (error.code === 'ENOENT')
    return `${program} is not installed: install libnotify (Debian: libnotify-bin), or use a webhook`
  if (error.name === 'AbortError') return `${program} did not end in time: no desktop answers`
  const said = stderr.trim().split('\n')[0]?.slice(0, 200)
  return `${program} failed${said ? `: ${said}` : ''}; was the daemon started in a desktop session?`
}
