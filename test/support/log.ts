import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Squadd } from './squadd.ts'
import { whenIn } from './watching.ts'

/** Resolves when the log of a squad's daemons has so many lines with this message. */
export async function logged(squad: Squadd, msg: string, times = 1): Promise<void> {
  const path = join(squad.home, 'daemon.log')
  const words = `"msg":${JSON.stringify(msg)}`
  await whenIn(path, () => readFileSync(path, 'utf8').split(words).length > times)
}
