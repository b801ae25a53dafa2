import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync, statfsSync } from 'node:fs'
import { freemem, userInfo } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { DiskRoom } from '../../domain/disk.ts'
import { roomOn } from '../../domain/disk.ts'
import type { Probes } from '../checks.ts'
import type { machineChecks } from '../checks/machine.ts'
import { linkOf, list } from '../files.ts'
import type { Place } from '../place.ts'

const run = promisify(execFile)

export function machineProbes(place: Place): Probes<keyof typeof machineChecks> {
  const { home, config, env, now, store } = place
  const disks = () =>
    [home.stateDir, home.worktreesDir].map((dir) => {
      const path = existing(dir)
      return { path, ...roomOn(statfsSync(path)) }
    })
  return {
    node: () => ({ said: process.versions.node }),
    tmux: async () => ({ said: await say('tmux', '-V') }),
    git: async () => ({ said: await say('git', '--version') }),
    disk: () => ({ ...fullest(disks(), 'freeBytes'), wantedBytes: config.minFreeDiskBytes }),
    inodes: () => ({ ...fullest(disks(), 'freeFiles'), wantedFiles: config.minFreeFiles }),
    memory: () => ({ freeBytes: freemem(), wantedBytes: config.minFreeMemoryBytes }),
    'open-files': () => ({ limit: limitOf('Max open files') }),
    processes: () => ({ limit: limitOf('Max processes') }),
    inotify: () => ({
      instances: Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8')),
      used: openInotify(),
    }),
    linger: () => ({
      isLogin: existsSync('/run/systemd/system') && env['XDG_SESSION_ID'] !== undefined,
      isLingering: existsSync(`/var/lib/systemd/linger/${userInfo().username}`),
    }),
    cgroup() {
      const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
      const folder = `/sys/fs/cgroup${own ?? ''}`
      if (own === undefined || !existsSync(`${folder}/cgroup.procs`))
        return { version: null, isWritable: false }
      return { version: 2, isWritable: isWritable(folder) }
    },
    clock: () => ({ now, newestAt: store?.newestAt ?? null, builtAt: Date.UTC(2026, 0) }),
    user: () => ({ uid: process.getuid?.() ?? -1 }),
  }
}

/** What a program says when it is asked, or null. */
export async function say(file: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(file, args, { timeout: 20_000, killSignal: 'SIGKILL' })
    return stdout || stderr
  } catch {
    return null
  }
}

const fullest = <Room extends DiskRoom>(disks: Room[], by: keyof DiskRoom): Room =>
  disks.reduce((least, one) => (one[by] < least[by] ? one : least))

/** The folder, or the nearest one above it that is there. */
export const existing = (path: string): string =>
  existsSync(path) || path === dirname(path) ? path : existing(dirname(path))

function limitOf(name: string): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const [, soft = '0'] = new RegExp(`^${name} +(\\S+)`, 'm').exec(limits) ?? []
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** Inotify instances that processes of this user have open. */
function openInotify(): number {
  const uid = process.getuid?.()
  const isOurs = (pid: string) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .flatMap((pid) => list(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`))
    .filter((fd) => linkOf(fd) === 'anon_inode:inotify').length
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
