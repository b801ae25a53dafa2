import { join } from 'node:path'
import type { Identity } from '../../workers/processes.ts'
import { startedWith } from '../../workers/processes.ts'
import { agentVariable, runVariable } from '../../workers/tmux-processes.ts'
import type { Home } from '../home.ts'
import { list } from './files.ts'
import type { StoreView } from './store-view.ts'

/** The agents that a squad has; whatever is not of one of them is left over. */
type Known = Pick<StoreView, 'instanceId' | 'agents'>

/** Processes of this squad's agents that belong to none it has. */
export function leftProcesses({ instanceId, agents }: Known): Identity[] {
  const ours = startedWith([`${agentVariable}=${instanceId}/`, `${runVariable}=${instanceId}/`])
  const runs = agents.map(({ key }) => `${instanceId}/${key}`)
  const wanted = startedWith(
    runs.flatMap((run) => [`${agentVariable}=${run}\0`, `${runVariable}=${run}/`]),
  )
  return ours.filter(({ pid }) => wanted.every((one) => one.pid !== pid))
}

/** Sockets of agents that a squad does not have and that no process belongs to. */
export function deadSockets({ runtimeDir }: Home, { instanceId, agents }: Known): string[] {
  const keys = new Set(agents.map(({ key }) => key))
  return list(runtimeDir)
    .map((name) => /^(a\d+)\.sock$/.exec(name)?.[1])
    .filter((key) => key !== undefined)
    .filter((key) => !keys.has(key))
    .filter((key) => startedWith([`${agentVariable}=${instanceId}/${key}\0`]).length === 0)
    .map((key) => join(runtimeDir, `${key}.sock`))
}

/** Sockets of the daemon's own, which are dead when none runs. */
export const daemonSockets = ({ socket, agentSocket, runtimeDir }: Home): string[] => [
  socket,
  agentSocket,
  // The name that they are born under.
  join(runtimeDir, '.squadd.sock'),
]
