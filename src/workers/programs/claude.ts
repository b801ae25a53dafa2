import { randomUUID } from 'node:crypto'
import { readClaude } from './claude-read.ts'
import { claudeStatusFile, claudeTurn } from './claude-turn.ts'
import type { Place } from './launch.ts'
import { afterNewline } from './prompt.ts'
import type { Program } from './program.ts'
import type { Terminal } from './terminal.ts'

/** Events whose hooks write into the outbox; per tool call there is none, it would cost 5 ms each. */
const events = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PermissionRequest',
  'Stop',
  'StopFailure',
] as const

/** Our settings are added to the user's own and never written anywhere else. */
function settings(place: Place): string {
  const hooks = events.map((event) => [event, [{ hooks: [hook(place, event)] }]])
  return JSON.stringify({ hooks: Object.fromEntries(hooks) })
}

const headlessSettings = JSON.stringify({
  hooks: {
    PermissionRequest: [{ hooks: [{ type: 'command', command: sayAllow(), timeout: 10 }] }],
  },
})

const hook = (place: Place, event: string) => ({
  type: 'command',
  command:
    event === 'PermissionRequest' && place.spec.permission === 'auto'
      ? sayAllow()
      : place.hook(event),
  timeout: 10,
})

function sayAllow(): string {
  const decision = { behavior: 'allow' }
  const answer = { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } }
  return `printf '%s' '${JSON.stringify(answer)}'`
}

const env = {
  // Squadd asks whether the folder is trusted when the agent is added, not the program at each start.
  CLAUDE_CODE_SANDBOXED: '1',
  // A refusal is an answer, not a reason to ask the model again.
  CLAUDE_CODE_DISABLE_REFUSAL_RETRY: '1',
  CLAUDE_CODE_MAX_RETRIES: '2',
  // What it suggests would look like a text that a person has begun.
  CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: 'false',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
}

function options({ spec, conversation }: Place): string[] {
  return [
    '--permission-mode',
    'acceptEdits',
    // What the repository itself configures may run programs: only where a person trusts it.
    ...(spec.trust ? [] : ['--setting-sources', 'user']),
    ...(conversation ? [conversation.isBegun ? '--resume' : '--session-id', conversation.id] : []),
    ...spec.argv,
  ]
}

const settingsFile = 'claude.json'

const terminal: Terminal = {
  launch: (place) => ({
    argv: ['claude', '--settings', `${place.folder}/${settingsFile}`, ...options(place)],
    env: { ...env, ...place.env },
    files: { [settingsFile]: settings(place) },
  }),
  ready: { screen: /^❯/m, hook: 'SessionStart' },
  obstacles: [
    {
      screen: /Select login method|Please run \/login|Invalid API key/,
      cause: 'auth',
      reason: 'claude is not logged in: run claude once as this user',
    },
    {
      screen: /Do you want to use this API key\?/,
      cause: 'auth',
      reason: 'claude asks whether to use the API key: run claude once as this user and say yes',
    },
    {
      screen: /Choose the text style|Let's get started/,
      cause: 'bad_config',
      reason: 'claude was never set up: run claude once as this user',
    },
  ],
  dialog: /Esc to cancel|Enter to select|↑\/↓ to navigate|Enter to confirm/,
  input(screen) {
    const rule = /^─{20,}$/gm
    const rules = [...screen.matchAll(rule)].map(({ index }) => index)
    if (rules.length < 2) return null
    const box = screen.slice(rules.at(-2), rules.at(-1)).split('\n').slice(1).join('\n')
    return /^[❯!#]/.test(box) ? box.slice(1).trim() : null
  },
  isFree: ({ status, screen }) =>
    status ? status['status'] === 'idle' : terminal.input(screen) !== null,
  statusFile: claudeStatusFile,
  detector: claudeTurn,
  clear: [{ press: 'C-u' }],
  interrupt: [{ press: 'Escape' }],
  answer(choice, { kind }) {
    if (/^[1-9]$/.test(choice)) return [{ press: choice }]
    if (/^(no|deny|cancel)$/i.test(choice)) return [{ press: 'Escape' }]
    return kind === 'permission' && /^(yes|allow)$/i.test(choice) ? [{ press: '1' }] : null
  },
}

/**
 * Anthropic's Claude Code. `ask`: edits in the worktree are made, everything else that it would ask
 * for is refused in headless mode and noted. `auto`: our hook says yes to whatever it asks, as root
 * too (its own `bypassPermissions` refuses to run as root). Without `trust` the settings, hooks and
 * MCP servers of the repository stay off. It writes `~/.claude.json` at every start by itself.
 */
export const claude: Program = {
  name: 'claude',
  executable: 'claude',
  newConversation: randomUUID,
  asData: afterNewline,
  launch: (place, _order, promptFile) => ({
    argv: [
      ...['claude', '-p', '--output-format', 'stream-json', '--verbose'],
      ...(place.spec.permission === 'auto'
        ? ['--settings', `${place.folder}/${settingsFile}`]
        : []),
      ...options(place),
    ],
    stdin: promptFile,
    env: { ...env, ...place.env },
    files: place.spec.permission === 'auto' ? { [settingsFile]: headlessSettings } : {},
  }),
  read: readClaude,
  terminal,
}
