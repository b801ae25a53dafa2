import type { ProgramName } from '../../domain/agent.ts'
import { fail, ok, some, warn } from '../judgement.ts'

/** One agent program on this machine. */
export type ProgramFacts = {
  name: ProgramName
  /** Agents of this squad that run it. */
  agents: readonly string[]
  isInstalled: boolean
  /** What it says of itself; null when it is not installed or says nothing. */
  version: string | null
  /** The version that squadd was tried with; null: with none. */
  tried: string | null
}

/** Whether anything says that a program can log in. Files and names, never what is in them. */
export type LoginFacts = { name: ProgramName; agents: readonly string[]; hints: readonly string[] }

/** What a repository sets up for a program: it could run commands as you. */
export type ProjectFacts = {
  repo: string
  files: readonly string[]
  trustedBy: readonly string[]
  agents: readonly string[]
}

/** Agents, their programs and what may be left of them. */
export const agentChecks = {
  worktrees({ stale }: { stale: readonly string[] }) {
    if (stale.length === 0) return ok('each belongs to an agent')
    return warn(
      `${some(stale)}: no agent has it`,
      'look at it with git status; git worktree remove, without --force, when nothing is missed',
    )
  },

  leftovers({ processes, sockets }: { processes: readonly string[]; sockets: readonly string[] }) {
    if (processes.length > 0)
      return fail(
        `processes of agents that are gone: ${some(processes)}`,
        'end them by their number with kill',
      )
    if (sockets.length > 0)
      return warn(
        `sockets of agents that are gone: ${some(sockets)}`,
        'doctor --repair removes them',
      )
    return ok('nothing is left of agents that are gone')
  },

  programs({ programs }: { programs: readonly ProgramFacts[] }) {
    const missing = programs.filter(({ agents, isInstalled }) => agents.length > 0 && !isInstalled)
    if (missing.length > 0)
      return fail(
        `${some(missing.map(({ name, agents }) => `${name} (for ${some(agents)})`))} is not in PATH`,
        'install it, and have the daemon started with a PATH that finds it',
      )
    const found = programs.filter(({ isInstalled }) => isInstalled)
    const text = found.map(({ name, version }) => `${name} ${version ?? '?'}`).join(', ')
    const untried = found.filter(({ version, tried }) => tried !== null && version !== tried)
    if (untried.length > 0)
      return warn(
        `${text}; tried: ${untried.map(({ name, tried }) => `${name} ${tried}`).join(', ')}`,
        `see whether its signals come: squadd doctor --program ${untried[0]!.name}`,
      )
    return ok(text || 'none installed; shell and command need none')
  },

  logins({ logins }: { logins: readonly LoginFacts[] }) {
    const without = logins.filter(({ agents, hints }) => agents.length > 0 && hints.length === 0)
    if (without.length > 0)
      return warn(
        `no sign of a login for ${without.map(({ name }) => name).join(', ')}`,
        `run it once and log in; squadd doctor --program ${without[0]!.name} tries it`,
      )
    const found = logins.filter(({ hints }) => hints.length > 0)
    return ok(found.map(({ name, hints }) => `${name}: ${some(hints)}`).join('; ') || 'none needed')
  },

  'project-configuration'({ projects }: { projects: readonly ProjectFacts[] }) {
    const trusted = projects.filter(({ trustedBy }) => trustedBy.length > 0)
    const tell = ({ repo, files }: ProjectFacts) => `${repo} (${some(files)})`
    if (trusted.length > 0)
      return warn(
        `may run commands as you, trusted for ${some(trusted.flatMap((one) => one.trustedBy))}: ` +
          some(trusted.map(tell)),
        'read these files; an agent that was added without --trust leaves them out',
      )
    if (projects.length > 0) return ok(`left out: ${some(projects.map(tell))}`)
    return ok('no repository of an agent has any')
  },
}
