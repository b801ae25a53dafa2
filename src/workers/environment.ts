import type { ProgramName } from '../supervisor/domain/agent.ts'

const common = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'TZ',
  'SSH_AUTH_SOCK',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]
const commonPrefixes = ['LC_', 'XDG_']

/** Variables that belong to a program: it gets them from the daemon's environment, no other does. */
const ofProgram: Record<ProgramName, string[]> = {
  claude: ['ANTHROPIC_', 'CLAUDE_', 'DISABLE_TELEMETRY', 'DISABLE_ERROR_REPORTING'],
  codex: ['OPENAI_', 'CODEX_'],
  gemini: ['GEMINI_', 'GOOGLE_'],
  opencode: ['OPENCODE_', 'ANTHROPIC_', 'OPENAI_', 'GEMINI_', 'GOOGLE_'],
  aider: ['AIDER_', 'ANTHROPIC_', 'OPENAI_', 'GEMINI_', 'GOOGLE_'],
  shell: [],
  command: [],
}

/** The environment of an agent: an allow-list, its program's own variables, and what it was given. */
export function agentEnvironment(
  from: Record<string, string | undefined>,
  program: ProgramName,
  given: Record<string, string>,
): Record<string, string> {
  const prefixes = [...commonPrefixes, ...ofProgram[program]]
  const allowed = Object.entries(from).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (common.includes(entry[0]) || prefixes.some((prefix) => entry[0].startsWith(prefix))),
  )
  return { TERM: 'xterm-256color', ...Object.fromEntries(allowed), ...given }
}

const ofTerminal = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'TZ', 'TMPDIR', 'TERM']

/** What tmux needs of it. The rest reaches the program by its launcher: tmux shows what it was given. */
export const terminalEnvironment = (
  env: Readonly<Record<string, string>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => ofTerminal.includes(name) || name.startsWith('LC_')),
  )
