import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../support/api.ts'
import type { Squadd } from '../support/squadd.ts'
import { peakMemoryOf } from '../support/invariants/processes.ts'

export type Flood = {
  tasks: number
  acknowledged: number
  /** 429 with Retry-After. */
  refused: number
  /** Anything else, which must not be. */
  other: number
  firstOther: string
  /** Of the supervisor, the most it ever had. */
  rssBytes: number
  statusP50Ms: number
  statusP99Ms: number
  statusAsked: number
  perSecond: number
}

const load = join(import.meta.dirname, 'load.ts')

/**
 * Submits `tasks` to a squad that runs, from `callers` connections at once, and asks for its status
 * meanwhile, each time on a new connection.
 */
export async function flood(
  squad: Squadd,
  {
    tasks,
    callers = 64,
    promptBytes = 5,
  }: { tasks: number; callers?: number; promptBytes?: number },
): Promise<Flood> {
  const socketPath = join(squad.home, 'run', 'squadd.sock')
  const pid = await squad.pid()
  const began = performance.now()
  const args = [load, socketPath, String(tasks), String(callers), String(promptBytes)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = text(child.stdout)
  let isOver = false
  const ended = once(child, 'exit').then(() => (isOver = true))
  const times: number[] = []
  while (!isOver) {
    times.push(await timeOfStatus(socketPath))
    await pause(20)
  }
  await ended
  const seconds = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 10) / 10
  return {
    tasks,
    ...(JSON.parse(await said) as Pick<Flood, 'acknowledged' | 'refused' | 'other' | 'firstOther'>),
    rssBytes: peakMemoryOf(pid),
    statusP50Ms: at(0.5),
    statusP99Ms: at(0.99),
    statusAsked: times.length,
    perSecond: Math.round(tasks / seconds),
  }
}

/** How long its status takes. */
async function timeOfStatus(socketPath: string): Promise<number> {
  const began = performance.now()
  await ask({ socketPath }, 'GET', '/v1/status')
  return performance.now() - began
}
