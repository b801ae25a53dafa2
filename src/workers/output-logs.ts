import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid } from '../supervisor/domain/error.ts'
import { parseAttemptKey } from '../supervisor/domain/message.ts'
import type { OutputLogs } from '../supervisor/domain/ports.ts'

const leftOut = Buffer.from('\n[… output left out …]\n')

/**
 * The output of attempts, from `<dir>/<key>.log.<n>` in the order of the numbers. Where numbers are
 * missing a line says so. Yields nothing for an attempt without output; ends at the end of what is
 * there now. Throws SQUADD_INVALID for a text that is no attempt key.
 */
export function createOutputLogs(dir: string): OutputLogs {
  return {
    async *read(key) {
      if (!parseAttemptKey(key))
        throw invalid('key', key, 'is not an attempt', 'use a task and its fence, like t12-3')
      let last: number | undefined
      for (const n of await numbersOf(dir, `${key}.log.`)) {
        const file = await openSegment(join(dir, `${key}.log.${n}`))
        // Rotated away since: as if it had been missing at first.
        if (!file) continue
        await using segment = file
        if (last !== undefined && n !== last + 1) yield leftOut
        last = n
        for await (const chunk of segment.createReadStream({ autoClose: false }))
          yield chunk as Buffer
      }
    },
  }
}

async function numbersOf(dir: string, prefix: string): Promise<number[]> {
  const names = await readdir(dir).catch(orMissing)
  return (names ?? [])
    .filter((name) => name.startsWith(prefix) && /^\d{1,15}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b)
}

async function openSegment(path: string) {
  // Only a file of ours: a link or a pipe is refused, not followed or waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  return open(path, flags).catch(orMissing)
}

function orMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error
}
