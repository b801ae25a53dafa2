import { version } from '../src/supervisor/api/local.ts'
import { SquadError } from '../src/supervisor/domain/error.ts'
import { note } from './print.ts'
import type { Session } from './session.ts'

// Nobody answered, so that nobody can be asked.
const silent = new Set(['SQUADD_NOT_RUNNING', 'SQUADD_NOT_AUTHORISED', 'SQUADD_TIMEOUT'])

/** What a person is told when the daemon is of another version; null when it is of this one. */
export const skewOf = (daemons: string): string | null =>
  daemons === version
    ? null
    : `this is squadd ${version}, the daemon is ${daemons}: squadd restart makes them one; agents live on`

/** A call that failed may have failed because the daemon is an older or newer one: says so. */
export async function tellSkew(session: Session, error: unknown): Promise<void> {
  if (!(error instanceof SquadError) || silent.has(error.code) || !session.isConnected) return
  const client = await session.client()
  const status = await client.call('status', {}, { timeoutMs: 2_000 }).catch(() => null)
  const skew = status && skewOf(status.version)
  if (!skew) return
  if (session.json) error.data['skew'] = skew
  else note(skew)
}
