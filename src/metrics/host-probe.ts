import { statfsSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { roomOn } from '../supervisor/domain/disk.ts'
import type { HostProbe } from '../supervisor/domain/ports.ts'

/** How busy the machine is; asks no disk. */
export const machineFacts = () => ({
  loadPerCore: (loadavg()[0] ?? 0) / availableParallelism(),
  totalMemoryBytes: totalmem(),
  freeMemoryBytes: freemem(),
})

/** How the machine is, and how full the fullest disk is that holds one of `dirs`. */
export function createHostProbe(...dirs: string[]): HostProbe {
  return {
    facts() {
      const disks = dirs.map((dir) => roomOn(statfsSync(dir)))
      return {
        ...machineFacts(),
        freeDiskBytes: Math.min(...disks.map(({ freeBytes }) => freeBytes)),
        freeFiles: Math.min(...disks.map(({ freeFiles }) => freeFiles)),
      }
    },
  }
}

/** Bytes free for us where `dir` is; NaN when that cannot be told. */
export async function freeBytes(dir: string): Promise<number> {
  const disk = await statfs(dir).catch(() => null)
  return disk ? roomOn(disk).freeBytes : Number.NaN
}

/** The size of a file; 0 when there is none. */
export async function fileBytes(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0
}
