import { cut, oneLine } from '../../domain/text.ts'
import { formatDuration } from '../../domain/time.ts'
import type { Judgement } from '../judgement.ts'
import { fail, ok, size, some, warn } from '../judgement.ts'

/** Who runs here. `holder`: the process that has the lock. */
export type DaemonFacts = { holder: number | null; answers: number | null; canTell: boolean }

export type FileFacts = { path: string; mode: number; isOurs: boolean; kind: FileKind }
type FileKind = 'folder' | 'socket' | 'file' | 'link' | 'other'

/** `error`: the newest thing in it that went wrong. */
export type LogFacts = {
  path: string
  bytes: number
  error: { says: string; ageMs: number } | null
}

// What the kernel says of a filesystem, see statfs(2).
const filesystems: Record<number, { name: string; problem?: 'network' | 'memory' }> = {
  0x69_69: { name: 'NFS', problem: 'network' },
  0xff_53_4d_42: { name: 'CIFS', problem: 'network' },
  0xfe_53_4d_42: { name: 'SMB', problem: 'network' },
  0x51_7b: { name: 'SMB', problem: 'network' },
  0x01_02_19_97: { name: '9p', problem: 'network' },
  0x65_73_55_46: { name: 'FUSE', problem: 'network' },
  0x00_c3_64_00: { name: 'Ceph', problem: 'network' },
  0x53_46_41_4f: { name: 'AFS', problem: 'network' },
  0x01_02_19_94: { name: 'tmpfs', problem: 'memory' },
  0xef_53: { name: 'ext4' },
  0x58_46_53_42: { name: 'XFS' },
  0x91_23_68_3e: { name: 'btrfs' },
  0x79_4c_76_30: { name: 'overlayfs' },
  0x2f_c1_2f_c1: { name: 'ZFS' },
}

const socketPathLimit = 107
const nearLimit = 8
const largeLog = 1024 ** 3
const largePrint = 64 * 1024 ** 2
// An error that is older has been seen, or does no harm.
const newsMs = 86_400_000
const mostWords = 160

function judgeLog({ bytes, path, error }: LogFacts, large: number, look: string): Judgement {
  const text = `${size(bytes)} in ${path}`
  if (bytes > large) return warn(text, 'look at what fills it, then empty it')
  if (error === null) return ok(text)
  const ago = `${formatDuration(error.ageMs)} ago`
  if (error.ageMs > newsMs) return ok(`${text}, the last error ${ago}`)
  return warn(`${text}, ${ago}: ${cut(oneLine(error.says), mostWords)}`, look)
}

/** The squad's own folder and files. */
export const homeChecks = {
  daemon({ holder, answers, canTell }: DaemonFacts) {
    if (answers !== null) return ok(`runs (pid ${answers})`)
    if (!canTell) return ok('nobody answers')
    if (holder === null) return ok('does not run; nobody holds the lock')
    return fail(
      `process ${holder} holds the lock and does not answer`,
      `look at its log; kill -CONT ${holder} if it was stopped, else kill ${holder}`,
    )
  },

  socket({ file, isHeld }: { file: FileFacts | null; isHeld: boolean }) {
    if (file === null) return ok('none, as no daemon runs')
    if (file.kind !== 'socket') return fail(`${file.path} is not a socket`, 'move it away')
    if (!file.isOurs) return fail(`${file.path} belongs to another user`, 'move it away')
    if ((file.mode & 0o077) !== 0)
      return fail(`others may use ${file.path}`, `chmod 600 ${file.path}`)
    if (isHeld) return ok(`${file.path}, mode 600`)
    return warn(`${file.path} is a dead daemon's`, 'squadd start replaces it, or doctor --repair')
  },

  folders({ missing, found }: { missing: readonly string[]; found: readonly FileFacts[] }) {
    const odd = found.filter(({ kind, isOurs }) => kind !== 'folder' || !isOurs)
    if (odd.length > 0)
      return fail(
        `${some(odd.map(({ path }) => path))}: not a folder of yours`,
        'put a folder of your own there',
      )
    const open = found.filter(({ mode }) => (mode & 0o077) !== 0).map(({ path }) => path)
    if (open.length > 0)
      return fail(`others may look into ${some(open)}`, 'chmod 700, or doctor --repair')
    if (found.length > 0 && missing.length > 0)
      return warn(`${some(missing)} is missing`, 'squadd start makes it, or doctor --repair')
    return ok(found.length === 0 ? 'not made yet' : `${found.length}, all private`)
  },

  'socket-path'({ bytes, path }: { bytes: number; path: string }) {
    const text = `${bytes} of ${socketPathLimit} bytes in ${path}`
    const fix = 'choose a shorter --home, or set XDG_RUNTIME_DIR to a shorter folder'
    if (bytes > socketPathLimit) return fail(text, fix)
    return bytes > socketPathLimit - nearLimit ? warn(text, fix) : ok(text)
  },

  filesystem({ type, path }: { type: number; path: string }) {
    const { name, problem } = filesystems[type] ?? { name: `type 0x${type.toString(16)}` }
    if (problem === 'network')
      return fail(
        `${path} is on ${name}: locks and the write-ahead log need a local disk`,
        'move the home to a local disk',
      )
    if (problem === 'memory')
      return warn(`${path} is on ${name}: tasks are gone after a reboot`, 'move it to a disk')
    return ok(name)
  },

  config({ file, problem }: { file: string; problem: string | null }) {
    return problem === null ? ok(file) : fail(problem, 'mend it there; squadd config show')
  },

  token({ file }: { file: FileFacts | null }) {
    if (file === null) return ok('none: it does not listen on TCP')
    if (file.kind === 'file' && file.isOurs && (file.mode & 0o077) === 0) return ok('private')
    return fail(
      `${file.path} may be read by others`,
      `delete it and restart: a new one is made, and the old one must be seen as known`,
    )
  },

  log: (facts: LogFacts) => judgeLog(facts, largeLog, 'squadd logs --level error'),

  /** What the daemon and the agent hosts print, which is only what they cannot tell otherwise. */
  printed: (facts: LogFacts) => judgeLog(facts, largePrint, `look at it: ${facts.path}`),

  version({ ours, daemons }: { ours: string; daemons: string | null }) {
    if (daemons === null || daemons === ours) return ok(ours)
    return warn(`this is ${ours}, the daemon is ${daemons}`, 'squadd restart; agents live on')
  },
}
