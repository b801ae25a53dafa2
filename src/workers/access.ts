import { createHmac } from 'node:crypto'
import { agentToken } from '../supervisor/domain/agent-token.ts'
import type { HostSetup } from '../supervisor/domain/message.ts'

/** How a program reaches the API for its own task: variables of one start, for nobody else. */
export function accessVariables(
  { access, runPrefix }: Pick<HostSetup, 'access' | 'runPrefix'>,
  start: string,
): Record<string, string> {
  if (!access) return {}
  const agent = runPrefix.slice(runPrefix.lastIndexOf('/') + 1)
  const seal = createHmac('sha256', access.secret).update(start).digest('hex')
  return { SQUADD_SOCKET: access.socket, SQUADD_TOKEN: agentToken({ agent, start }, seal) }
}
