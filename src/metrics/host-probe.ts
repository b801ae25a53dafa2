import { statfsSync } from 'node:fs'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import type { HostProbe } from '../supervisor/domain/ports.ts'

/** How the machine is, and how full the fullest disk is that holds one of `dirs`. */
export function createHostProbe(...dirs: string[]): HostProbe {
  return {
    facts() {
      const disks = dirs.map((dir) => statfsSync(dir))
      return {
        loadPerCore: (loadavg()[0] ?? 0) / availableParallelism(),
        totalMemoryBytes: totalmem(),
        freeMemoryBytes: freemem(),
        freeDiskBytes: Math.min(...disks.map(({ bavail, bsize }) => bavail * bsize)),
      }
    },
  }
}
