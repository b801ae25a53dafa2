import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ProgramName } from '../../domain/agent.ts'

type Places = {
  /** Variables, one of which is enough. */
  variables: readonly string[]
  /** The folder it keeps its login in: named by a variable, else below the user's own. */
  folder?: { variable?: string; otherwise: string; file: string }
}

const apiKeys = ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY']

/** Where each program keeps what it logs in with. */
const places: Partial<Record<ProgramName, Places>> = {
  claude: {
    variables: [
      'ANTHROPIC_API_KEY',
      'ANTHROPIC_AUTH_TOKEN',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'CLAUDE_CODE_USE_BEDROCK',
      'CLAUDE_CODE_USE_VERTEX',
    ],
    folder: { variable: 'CLAUDE_CONFIG_DIR', otherwise: '.claude', file: '.credentials.json' },
  },
  codex: {
    variables: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
    folder: { variable: 'CODEX_HOME', otherwise: '.codex', file: 'auth.json' },
  },
  gemini: {
    variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_APPLICATION_CREDENTIALS'],
    folder: { otherwise: '.gemini', file: 'oauth_creds.json' },
  },
  opencode: {
    variables: apiKeys,
    folder: { otherwise: '.local/share/opencode', file: 'auth.json' },
  },
  aider: { variables: [...apiKeys, 'AIDER_OPENAI_API_KEY', 'AIDER_ANTHROPIC_API_KEY'] },
}

/** Names of variables and files that a program may log in with. No value and no file is read. */
export function hintsOf(
  program: ProgramName,
  env: Readonly<Record<string, string | undefined>>,
  given: readonly string[],
): string[] {
  const { variables = [], folder } = places[program] ?? {}
  const named = variables.filter((name) => env[name] || given.includes(name))
  if (!folder) return named
  const own = folder.variable === undefined ? undefined : env[folder.variable]
  const file = join(own || join(env['HOME'] || homedir(), folder.otherwise), folder.file)
  return existsSync(file) ? [...named, file] : named
}
