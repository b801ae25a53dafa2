import { codexOptions } from './codex-options.ts'
import { readCodex } from './codex-read.ts'
import { codexTerminal } from './codex-terminal.ts'
import type { Program } from './program.ts'

/**
 * OpenAI's Codex. `ask`: commands run in its sandbox, which lets them write in the worktree and in /tmp
 * and keeps the network away; what needs more is asked in its terminal and refused in headless mode.
 * `auto`: no sandbox, and nothing is asked.
 * Without `trust` the configuration, hooks and MCP servers of the repository stay off. In its terminal
 * it writes counters into its `config.toml` by itself.
 */
export const codex: Program = {
  name: 'codex',
  executable: 'codex',
  launch(place, _order, promptFile) {
    const { spec, conversation } = place
    return {
      argv: [
        ...['codex', 'exec', '--json', '--skip-git-repo-check'],
        ...codexOptions(place),
        ...spec.argv,
        ...(conversation?.isBegun ? ['resume', conversation.id] : []),
        '-',
      ],
      stdin: promptFile,
    }
  },
  read: readCodex,
  sumsUsage: true,
  terminal: codexTerminal,
}
