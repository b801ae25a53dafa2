import { randomUUID } from 'node:crypto'
import { claudeEnv, claudeOptions, sayAllow, settingsFile } from './claude-options.ts'
import { readClaude } from './claude-read.ts'
import { claudeTerminal } from './claude-terminal.ts'
import { afterNewline } from './prompt.ts'
import type { Program } from './program.ts'

const headlessSettings = JSON.stringify({
  hooks: {
    PermissionRequest: [{ hooks: [{ type: 'command', command: sayAllow(), timeout: 10 }] }],
  },
})

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
      ...claudeOptions(place),
    ],
    stdin: promptFile,
    env: claudeEnv(place),
    files: place.spec.permission === 'auto' ? { [settingsFile]: headlessSettings } : {},
  }),
  read: readClaude,
  terminal: claudeTerminal,
}
