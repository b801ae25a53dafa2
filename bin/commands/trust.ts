import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { ProgramName } from '../../src/supervisor/domain/agent.ts'
import { note } from '../print.ts'

/** What a repository may configure for a program: it can run commands of the repository's choice. */
const configurations: Partial<Record<ProgramName, readonly string[]>> = {
  claude: ['.claude/settings.json', '.claude/settings.local.json', '.mcp.json'],
  codex: ['.codex'],
  gemini: ['.gemini'],
  opencode: ['opencode.json', 'opencode.jsonc', '.opencode'],
  aider: ['.aider.conf.yml', '.env'],
}

/**
 * Asks the person at the terminal, once, whether what the repository configures for the program may
 * run. Where there is nothing of the kind, or nobody to ask, it does not run.
 */
export async function askTrust(repo: string, program: ProgramName): Promise<boolean> {
  const found = (configurations[program] ?? []).filter((name) => existsSync(join(repo, name)))
  if (found.length === 0) return false
  const what = `this repository configures ${program} in ${found.join(', ')}`
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    note(`${what}: that is left out; --trust lets it run`)
    return false
  }
  note(`${what}. It may run commands as you, whenever the agent works.`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('Trust it? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}
