import type { Restored } from '../../src/supervisor/operations/restore.ts'
import { json, line } from '../print.ts'
import type { Session } from '../session.ts'

/** doctor --repair: says what it has done, and what of the tasks needs a person now. */
export async function repairHome(session: Session): Promise<void> {
  const { repair } = await import('../../src/supervisor/operations/repair.ts')
  const { done, restored } = repair(session.home, Date.now())
  if (session.json) return json({ done, restored })
  for (const one of done) line(one)
  if (restored) tell(restored)
  line('ready: squadd start')
}

function tell({ saved, lost, held, isComplete }: Restored): void {
  line(
    saved.length === 0
      ? 'nothing newer could be read of the damaged store'
      : `stored or changed after it, and brought back: ${saved.join(' ')}`,
  )
  if (lost.length > 0) line(`stored after it and LOST: ${lost.join(' ')}; submit them again`)
  if (!isComplete) line('more tasks may have been stored after it: nothing says how many')
  if (held.length > 0)
    line(`held, because they may have run since: ${held.join(' ')}; squadd explain, then release`)
}
