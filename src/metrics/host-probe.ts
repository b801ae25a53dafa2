import { statfsSync } from 'node:fs'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import type { HostProbe } from '../supervisor/domain/ports.ts'

/** How the machine is, and how full the disk is that holds `dir`. */
export function createHostProbe(dir: string): HostProbe {
  return {
    facts() {
      const disk = statfsSync(dir)
      return {
        loadPerCore: (loadavg()[0] ?? 0) / availableParallelism(),
        totalMemoryBytes: totalmem(),
        freeMemoryBytes: freemem(),
        freeDiskBytes: disk.bavail * disk.bsize,
      }
    },
  }
}
