import type { AgentRecord } from '../../domain/agent.ts'
import type { ProjectFacts } from '../checks/agents.ts'
import { configurationOf } from '../project-configuration.ts'

/** The repositories of agents that configure their agent's program. */
export function projectsOf(agents: readonly AgentRecord[]): ProjectFacts[] {
  const repos = [...new Set(agents.map(({ spec }) => spec.repo))]
  return repos.flatMap((repo) => {
    const there = agents.filter(({ spec }) => spec.repo === repo)
    const files = there.flatMap(({ spec }) =>
      configurationOf(repo, spec.program).map(({ file }) => file),
    )
    if (files.length === 0) return []
    const trusted = there.filter(({ spec }) => spec.trust).map(({ spec }) => spec.id)
    const ids = there.map(({ spec }) => spec.id)
    return [{ repo, files: [...new Set(files)], trustedBy: trusted, agents: ids }]
  })
}
