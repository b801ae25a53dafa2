import { argumentsOf, identify, readStat, startedWith } from './processes.ts'
import type { Identity } from './processes.ts'

/** The variable that everything of an agent but its programs is started with. */
export const agentVariable = 'SQUADD_AGENT'
/** The variable that a program and all it starts carry. */
export const runVariable = 'SQUADD_RUN_ID'

/** Everything of an agent: tmux, launchers, output records and programs. */
export const agentProcesses = (runPrefix: string): Identity[] =>
  startedWith([`${agentVariable}=${runPrefix}\0`, `${runVariable}=${runPrefix}/`])

/**
 * The tmux processes of an agent as /proc knows them: a server that hangs cannot be asked. A server
 * has its first client's arguments for life; it alone leads its own session.
 */
export function tmuxProcesses(runPrefix: string): { servers: Identity[]; clients: Identity[] } {
  const found = startedWith([`${agentVariable}=${runPrefix}\0`]).filter(({ pid }) =>
    argumentsOf(pid).includes('-C'),
  )
  const isServer = ({ pid }: Identity) => readStat(pid)?.session === pid
  return {
    servers: found.filter(isServer),
    clients: found.filter((one) => !isServer(one) && identify(one.pid)),
  }
}
