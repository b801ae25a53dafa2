import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentRecord, ProgramName } from '../../domain/agent.ts'
import type { ProjectFacts } from '../checks/agents.ts'

/** What a repository may configure for a program: it can run commands of the repository's choice. */
const configurations: Partial<Record<ProgramName, readonly string[]>> = {
  claude: ['.claude/settings.json', '.claude/settings.local.json', '.mcp.json'],
  codex: ['.codex'],
  gemini: ['.gemini'],
  opencode: ['opencode.json', 'opencode.jsonc', '.opencode'],
  aider: ['.aider.conf.yml', '.env'],
}

/** What is there in a repository for a program. */
export const projectConfiguration = (repo: string, program: ProgramName): string[] =>
  (configurations[program] ?? []).filter((name) => existsSync(join(repo, name)))

/** The repositories of agents that configure their agent's program. */
export function projectsOf(agents: readonly AgentRecord[]): ProjectFacts[] {
  const repos = [...new Set(agents.map(({ spec }) => spec.repo))]
  return repos.flatMap((repo) => {
    const there = agents.filter(({ spec }) => spec.repo === repo)
    const files = there.flatMap(({ spec }) => projectConfiguration(repo, spec.program))
    if (files.length === 0) return []
    const trusted = there.filter(({ spec }) => spec.trust).map(({ spec }) => spec.id)
    const ids = there.map(({ spec }) => spec.id)
    return [{ repo, files: [...new Set(files)], trustedBy: trusted, agents: ids }]
  })
}
