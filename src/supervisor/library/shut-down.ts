import { invalid } from '../domain/error.ts'
import { systemClock } from '../domain/time.ts'
import type { Unstopped } from '../lifecycle.ts'
import { Lifecycle } from '../lifecycle.ts'
import type { Supervisor } from '../supervisor.ts'
import { hasOwnCommits } from './own-commits.ts'

/** How a shutdown went. */
export type ShutdownReport = {
  /** Agents and parts that did not stop in time or not well, each with its error; none is hidden. */
  unstopped: Unstopped[]
  /** Unsaved work of worktrees that were removed: the git ref that keeps it. */
  rescued: { agent: string; ref: string }[]
}

export type Ending = {
  squad: Supervisor
  ready: Promise<void>
  /** Calls that were made before. */
  underWay: readonly Promise<unknown>[]
  stopGraceMs: number
  /** An agent that is only stopped, for the next orchestrator on the same home; others are removed. */
  mayStay: (id: string) => boolean
  remove: (id: string, keepBranch: boolean) => Promise<{ rescueRef: string | null }>
  close: () => Promise<void>
}

// What the stop ladder takes beside the grace: TERM, KILL and the last look.
const stopSlackMs = 10_000
const closeWithinMs = 5000

/**
 * Ends a squad: running tasks may finish within `timeoutMs`, then they are interrupted and go back
 * to the queue; then all agents end at once.
 */
export async function shutDown(timeoutMs: number, ending: Ending): Promise<ShutdownReport> {
  const { squad, ready, underWay, stopGraceMs, mayStay, close } = ending
  const lifecycle = new Lifecycle(systemClock)
  const report: ShutdownReport = { unstopped: [], rescued: [] }
  const end = async (name: string, stopWithinMs: number, stop: () => Promise<unknown>) =>
    report.unstopped.push(
      ...(await lifecycle.end({ name, stopWithinMs, stop: async () => void (await stop()) })),
    )
  const endsAt = systemClock.now() + timeoutMs
  const left = () => Math.max(0, endsAt - systemClock.now())
  const leastMs = stopGraceMs + stopSlackMs

  // From now on no task is given out.
  const drained = squad.drain(timeoutMs)
  await end('the start', Math.max(timeoutMs, leastMs), () => ready)
  await end('calls under way', Math.max(left(), leastMs), () => Promise.allSettled(underWay))
  await drained
  // One was perhaps being given out in that moment.
  if (!(await squad.drain(left())))
    for (const { id, currentTask } of squad.agentViews())
      if (currentTask !== null)
        report.unstopped.push({
          name: `agent ${id}`,
          error: `task ${currentTask} had not ended after ${timeoutMs} ms: it was interrupted`,
        })

  const stopWithinMs = Math.max(left(), leastMs)
  const leaving = squad.agentViews().filter(({ id }) => !mayStay(id))
  await Promise.all(
    leaving.map(({ id }) => end(`agent ${id}`, stopWithinMs, () => dismiss(id, ending, report))),
  )
  const { unstopped } = await squad.shutdown({ stopAgents: true, timeoutMs: stopWithinMs })
  report.unstopped.push(...unstopped)
  await end('the store', closeWithinMs, close)
  return report
}

/** Ends an agent whose folder goes; its branch stays when there are commits on it. */
async function dismiss(id: string, { squad, remove }: Ending, report: ShutdownReport) {
  if (squad.agent(id).currentTask) await squad.stopAgent(id)
  const keepBranch = await hasOwnCommits(squad.agent(id).record.spec)
  const { rescueRef } = await remove(id, keepBranch)
  if (rescueRef !== null) report.rescued.push({ agent: id, ref: rescueRef })
}

/** Throws SQUADD_INVALID. */
export function checkTimeout(timeoutMs: number): number {
  if (Number.isSafeInteger(timeoutMs) && timeoutMs >= 0) return timeoutMs
  throw invalid('timeoutMs', timeoutMs, 'is out of range', 'use milliseconds, 0 or more')
}
