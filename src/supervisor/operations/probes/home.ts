import { lstatSync, statfsSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { foldersOf } from '../../home.ts'
import type { Probes } from '../checks.ts'
import type { FileFacts, homeChecks } from '../checks/home.ts'
import type { Place } from '../place.ts'
import { factsOfLog, wrongInLog, wrongInPrint } from './logs.ts'
import { existing } from './machine.ts'

export function homeProbes(place: Place): Probes<keyof typeof homeChecks> {
  const { home, daemon, holder, version, configFile, configProblem, now } = place
  return {
    daemon: () => ({
      holder: holder.pid,
      answers: daemon?.pid ?? null,
      canTell: holder.canTell,
    }),
    socket: () => ({
      file: factsOf(home.socket),
      isHeld: daemon !== null || holder.pid !== null || !holder.canTell,
    }),
    folders() {
      const paths = foldersOf(home)
      const found = paths.map(factsOf).filter((one) => one !== null)
      return { found, missing: paths.filter((path) => found.every((one) => one.path !== path)) }
    },
    'socket-path'() {
      const path = join(home.runtimeDir, '.squadd.sock')
      return { path, bytes: Buffer.byteLength(path) }
    },
    filesystem() {
      const path = existing(home.stateDir)
      return { path, type: statfsSync(path).type }
    },
    config: () => ({ file: configFile, problem: configProblem }),
    token: () => ({ file: factsOf(home.tokenFile) }),
    log: () => factsOfLog(home.logFile, now, wrongInLog),
    printed: () => factsOfLog(home.printFile, now, wrongInPrint),
    version: () => ({ ours: version, daemons: daemon?.version ?? null }),
  }
}

/** What a path is, without following links; null when there is nothing. */
function factsOf(path: string): FileFacts | null {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return null
  const isOurs = found.uid === (process.getuid?.() ?? found.uid)
  return { path, mode: found.mode & 0o777, isOurs, kind: kindOf(found) }
}

function kindOf(found: Stats): FileFacts['kind'] {
  if (found.isSymbolicLink()) return 'link'
  if (found.isDirectory()) return 'folder'
  if (found.isSocket()) return 'socket'
  return found.isFile() ? 'file' : 'other'
}
