import { readFileSync, realpathSync, statSync } from 'node:fs'
import { linkOf, list } from './files.ts'

/**
 * Which process has a file locked, as the kernel tells it. The lock itself is not touched: whoever
 * tried it could be in the way of a daemon that starts. `canTell` is false where /proc has no locks.
 */
export function lockHolder(file: string): { pid: number | null; canTell: boolean } {
  let locks: string
  try {
    locks = readFileSync('/proc/locks', 'utf8')
  } catch {
    return { pid: null, canTell: false }
  }
  const inode = statSync(file, { throwIfNoEntry: false })?.ino
  if (inode === undefined) return { pid: null, canTell: true }
  const pids = [...locks.matchAll(/^\d+: POSIX +\S+ +WRITE (\d+) \S+:(\d+) /gm)]
    .filter(([, , found]) => Number(found) === inode)
    .map(([, pid]) => Number(pid))
  // Inodes are numbered per filesystem: the holder has this very file open.
  const path = realpathSync(file)
  return { pid: pids.find((pid) => hasOpen(pid, path)) ?? null, canTell: true }
}

function hasOpen(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/fd`
  return list(folder).some((fd) => linkOf(`${folder}/${fd}`) === path)
}
