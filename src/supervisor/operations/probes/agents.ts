import { basename, join } from 'node:path'
import type { ProgramName } from '../../domain/agent.ts'
import { isInPath } from '../../../workers/executable.ts'
import { argumentsOf } from '../../../workers/processes.ts'
import { programOf } from '../../../workers/programs/programs.ts'
import type { Probes } from '../checks.ts'
import type { agentChecks } from '../checks/agents.ts'
import { list } from '../files.ts'
import { deadSockets, leftProcesses } from '../leftovers.ts'
import type { Place } from '../place.ts'
import { hintsOf } from './logins.ts'
import { say } from './machine.ts'
import { projectsOf } from './projects.ts'

/** Versions that squadd was tried with, as in docs/agent-programs.md; null: from its documentation. */
export const triedVersions = {
  claude: '2.1.330',
  codex: '0.169.0',
  gemini: '0.61.0',
  opencode: '1.18.33',
  aider: null,
} as const satisfies Partial<Record<ProgramName, string | null>>

const names = Object.keys(triedVersions) as (keyof typeof triedVersions)[]

export function agentProbes(place: Place): Probes<keyof typeof agentChecks> {
  const { home, env, store } = place
  const agents = store?.agents ?? []
  const of = (program: ProgramName) => agents.filter(({ spec }) => spec.program === program)
  return {
    worktrees() {
      const known = new Set(agents.map(({ worktree }) => worktree))
      const found = list(home.worktreesDir).map((name) => join(home.worktreesDir, name))
      // Without the store nobody can tell whose they are.
      return { stale: store ? found.filter((path) => !known.has(path)) : [] }
    },
    leftovers() {
      if (!store) return { processes: [], sockets: [] }
      const tell = ({ pid }: { pid: number }) => `${pid} (${basename(argumentsOf(pid)[0] ?? '')})`
      return {
        processes: leftProcesses(store).map(tell),
        sockets: deadSockets(home, store).map((path) => basename(path)),
      }
    },
    async programs() {
      const programs = names.map(async (name) => {
        const executable = programOf(name).executable ?? name
        const isInstalled = isInPath(executable, env['PATH'] ?? '')
        const said = isInstalled ? await say(executable, '--version') : null
        const version = /\d+\.\d+\.\d+/.exec(said ?? '')?.[0] ?? null
        const who = of(name).map(({ spec }) => spec.id)
        return { name, agents: who, isInstalled, version, tried: triedVersions[name] }
      })
      return { programs: await Promise.all(programs) }
    },
    logins: () => ({
      logins: names.map((name) => ({
        name,
        agents: of(name).map(({ spec }) => spec.id),
        hints: hintsOf(
          name,
          env,
          of(name).flatMap(({ spec }) => Object.keys(spec.env)),
        ),
      })),
    }),
    'project-configuration': () => ({ projects: projectsOf(agents) }),
  }
}
