import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { geteuid } from 'node:process'
import { execaSync } from 'execa'
import { agentsFolder } from './install.ts'

const checkout = resolve(import.meta.dirname, '../..')
const flags = ['--conditions=squadd-source', '--disable-warning=ExperimentalWarning']

/** Mounts each first path at the second one, up to `--`; runs what follows. */
const mounted =
  'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@"'

/**
 * The command that runs a script of this checkout as a user who is not root: the one who is here, or
 * for root `nobody`, in a home of their own in `dir`. Mounts of its own show that user this checkout
 * and the agent programs, wherever root keeps them; root's folders stay closed.
 */
export function asNobody(dir: string, script: string, ...args: string[]): string[] {
  if (geteuid!() !== 0) return [process.execPath, ...flags, script, ...args]
  const [uid, gid] = ['-u', '-g'].map((what) => execaSync('id', [what, 'nobody']).stdout)
  const at = (...path: string[]) => join(dir, ...path)
  const folder = agentsFolder()
  const programs = at('cache/squadd/agents', basename(folder), 'node_modules')
  for (const path of [at('squadd'), programs]) mkdirSync(path, { recursive: true })
  for (const path of [dir, at('cache')]) chownSync(path, Number(uid), Number(gid))
  const seen = (path: string) => join(at('squadd'), relative(checkout, path))
  return [
    ...['unshare', '--mount', 'sh', '-c', mounted, 'sh'],
    ...[checkout, at('squadd'), join(folder, 'node_modules'), programs, '--'],
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    ...['env', '-i', `--chdir=${dir}`, `HOME=${dir}`, `XDG_CACHE_HOME=${at('cache')}`],
    ...[
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'LANG=C.UTF-8',
      'TERM=xterm-256color',
      'SHELL=/bin/sh',
    ],
    ...[nodeIn(seen), ...flags, seen(script), ...args],
  ]
}

/** This Node as that user sees it; one outside of the checkout is the machine's own. */
function nodeIn(seen: (path: string) => string): string {
  return process.execPath.startsWith(checkout) ? seen(process.execPath) : process.execPath
}

/** Why nothing can be run so on this machine; null when it can. */
export function whyNotNobody(): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-nobody-'))
  try {
    const [file = '', ...args] = asNobody(dir, join(checkout, 'bin/squadd.js'), '--version')
    const { failed, stderr, shortMessage } = execaSync(file, args, { reject: false })
    return failed ? `no other user can be had here: ${stderr || shortMessage}` : null
  } catch (error) {
    return `no other user can be had here: ${(error as Error).message}`
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
