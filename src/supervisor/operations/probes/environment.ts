import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf } from '../../domain/error.ts'
import { argumentsOf, readStat } from '../../../workers/processes.ts'
import type { Probes } from '../checks.ts'
import type { environmentChecks } from '../checks/environment.ts'
import { list } from '../files.ts'
import type { Place } from '../place.ts'

// What our own git calls pass on, and what only people's programs read.
const harmless = /^GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|EDITOR|SEQUENCE_EDITOR|PAGER|PS1_.*)$/

export function environmentProbes(place: Place): Probes<keyof typeof environmentChecks> {
  const { env, home } = place
  return {
    locale: () => ({ name: env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || null }),
    'time-zone': () => ({ zone: env['TZ'] || null, isKnown: isZone(env['TZ'] || undefined) }),
    tmpdir: () => ({ path: tmpdir(), problem: problemOf(tmpdir()) }),
    'git-environment': () => ({
      names: Object.keys(env).filter((name) => name.startsWith('GIT_') && !harmless.test(name)),
    }),
    'tmux-conf'() {
      const servers = serversIn(home.runtimeDir)
      const foreign = servers.filter(({ conf }) => conf !== 'tmux.conf').map(({ socket }) => socket)
      return { servers: servers.length, foreign }
    },
  }
}

function isZone(zone: string | undefined): boolean {
  if (zone === undefined) return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone.replace(/^:/, '') }).format()
    return true
  } catch {
    return false
  }
}

function problemOf(dir: string): string | null {
  try {
    rmSync(mkdtempSync(join(dir, 'squadd-doctor-')), { recursive: true })
    return null
  } catch (error) {
    return messageOf(error)
  }
}

/** tmux servers on sockets of this folder; each leads its session and keeps its first arguments. */
function serversIn(runtimeDir: string): { socket: string; conf: string | null }[] {
  return list('/proc').flatMap((name) => {
    const args = /^\d+$/.test(name) ? argumentsOf(Number(name)) : []
    const socket = after(args, '-S')
    if (socket === null || dirname(socket) !== runtimeDir) return []
    if (readStat(Number(name))?.session !== Number(name)) return []
    return [{ socket, conf: after(args, '-f') }]
  })
}

function after(args: readonly string[], option: string): string | null {
  const at = args.indexOf(option)
  return at < 0 ? null : (args[at + 1] ?? null)
}
