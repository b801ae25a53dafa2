import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from './ledger.ts'

/** A process of a squad as /proc shows it. */
export type Seen = {
  pid: number
  /** The agent that it belongs to, such as `a1`. */
  agent: string
  kind: 'host' | 'tmux' | 'run'
  /** The attempt that it was started for, such as `t4-1`; a run's only. */
  attempt: string | null
}

/** Every process of the squad `instance`: its hosts, its tmux servers, all that attempts started. */
export function processesOf(instance: string): Seen[] {
  const found: Seen[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!(pid > 0) || isDead(pid)) continue
    const title = /^squadd-host ([^/\s]+)\/(a\d+)/.exec(read(pid, 'cmdline').replaceAll('\0', ' '))
    if (title?.[1] === instance) found.push({ pid, agent: title[2]!, kind: 'host', attempt: null })
    const environ = read(pid, 'environ')
    if (!environ.includes(`${instance}/`)) continue
    const run = valueOf(environ, 'SQUADD_RUN_ID')?.split('/')
    if (run?.[0] === instance && run.length === 3)
      found.push({ pid, agent: run[1]!, kind: 'run', attempt: run[2]! })
    else if (leads(pid) && valueOf(environ, 'SQUADD_AGENT')?.startsWith(`${instance}/`))
      found.push({
        pid,
        agent: valueOf(environ, 'SQUADD_AGENT')!.split('/')[1]!,
        kind: 'tmux',
        attempt: null,
      })
  }
  return found
}

/** I2 at any moment: one controller, one program, one worktree for each agent. */
export function alone(seen: readonly Seen[], { agents }: Ledger): string[] {
  const wrong: string[] = []
  for (const [agent, all] of byAgent(seen)) {
    const hosts = all.filter(({ kind }) => kind === 'host').map(({ pid }) => pid)
    const attempts = new Set(all.flatMap(({ attempt }) => attempt ?? []))
    if (hosts.length > 1) wrong.push(`I2: ${agent} has hosts ${hosts.join()}`)
    if (attempts.size > 1) wrong.push(`I2: ${agent} runs ${[...attempts].join()} at once`)
  }
  const running = new Map<string, string>()
  for (const { attempt, agent } of seen) {
    const task = attempt?.split('-')[0]
    if (task === undefined) continue
    if ((running.get(task) ?? agent) !== agent)
      wrong.push(`I2: ${task} runs on ${agent} and ${running.get(task)}`)
    running.set(task, agent)
  }
  const worktrees = agents.map(({ worktree }) => worktree)
  if (new Set(worktrees).size < worktrees.length)
    wrong.push(`I2: a worktree has two agents: ${worktrees.join()}`)
  return wrong
}

/** I5, when all is quiet: nothing runs for an attempt that is over, and nothing without an agent. */
export function leaked(
  seen: readonly Seen[],
  { tasks, agents }: Ledger,
  runtimeDir: string,
): string[] {
  const wrong: string[] = []
  const running = new Set(
    tasks.filter(({ state }) => state === 'running').map(({ id, fence }) => `${id}-${fence}`),
  )
  const known = new Set(agents.map(({ key }) => key))
  for (const { pid, agent, kind, attempt } of seen) {
    if (attempt !== null && /^t\d+-\d+$/.test(attempt) && !running.has(attempt))
      wrong.push(`I5: process ${pid} (${commandOf(pid)}) is left of ${attempt}`)
    if (!known.has(agent)) wrong.push(`I5: ${kind} ${pid} of ${agent}, which is no agent`)
  }
  for (const name of existsSync(runtimeDir) ? readdirSync(runtimeDir) : []) {
    const [agent = ''] = name.split('.')
    if (/^a\d+$/.test(agent) && !known.has(agent))
      wrong.push(`I5: socket ${name} belongs to no agent`)
  }
  return wrong
}

/** I5: files of attempts that are over; the folder of an agent is `<agentsDir>/<key>`. */
export function litter(agentsDir: string, { tasks, agents }: Ledger): string[] {
  const wrong: string[] = []
  const running = new Set(
    tasks.filter(({ state }) => state === 'running').map(({ id, fence }) => `${id}-${fence}`),
  )
  for (const { key, name } of agents)
    for (const folder of ['outbox', 'launch'])
      for (const file of list(join(agentsDir, key, folder))) {
        const attempt = file.slice(0, file.indexOf('.'))
        if (/^t\d+-\d+$/.test(attempt) && !running.has(attempt))
          wrong.push(`I5: ${folder}/${file} of ${name} is left of an attempt that is over`)
      }
  return wrong
}

/** Open files of a process. */
export const filesOf = (pid: number): number => list(`/proc/${pid}/fd`).length

export const memoryOf = (pid: number): number => bytesIn(pid, 'VmRSS')

/** The most it ever had. */
export const peakMemoryOf = (pid: number): number => bytesIn(pid, 'VmHWM')

const bytesIn = (pid: number, field: string): number =>
  1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(read(pid, 'status'))?.[1] ?? 0)

const commandOf = (pid: number): string => read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 80)

const valueOf = (environ: string, name: string): string | undefined =>
  environ
    .split('\0')
    .find((one) => one.startsWith(`${name}=`))
    ?.slice(name.length + 1)

/** A zombie has ended. */
function isDead(pid: number): boolean {
  const stat = read(pid, 'stat')
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0]
  return state === undefined || state === 'Z' || state === 'X'
}

/** It leads its session, as a tmux server does and its clients do not. */
function leads(pid: number): boolean {
  const stat = read(pid, 'stat')
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(session) === pid && read(pid, 'cmdline').startsWith('tmux')
}

function byAgent(seen: readonly Seen[]): Map<string, Seen[]> {
  const found = new Map<string, Seen[]>()
  for (const one of seen) found.set(one.agent, [...(found.get(one.agent) ?? []), one])
  return found
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}

function list(dir: string): string[] {
  try {
    return statSync(dir).isDirectory() ? readdirSync(dir) : []
  } catch {
    return []
  }
}
