import { opencodeEnvironment } from './opencode-options.ts'
import { readOpencode } from './opencode-read.ts'
import { opencodeTerminal } from './opencode-terminal.ts'
import type { Program } from './program.ts'

/**
 * opencode. `ask`: files in the worktree are edited, anything else is denied in headless mode; a
 * finer rule may come with `--env OPENCODE_PERMISSION=…`. `auto`: everything runs. Without `trust`
 * the configuration and plugins of the repository stay off. It adds `$schema` by itself to an
 * `opencode.json` that has none, the user's or with `trust` the repository's. It asks a model API
 * that fails again for up to 90 s, and waits as long as that says: the task's time limit ends it.
 */
export const opencode: Program = {
  name: 'opencode',
  executable: 'opencode',
  launch(place, _order, promptFile) {
    const { spec, conversation } = place
    return {
      argv: [
        ...['opencode', 'run', '--format', 'json'],
        ...(conversation?.isBegun ? ['--session', conversation.id] : []),
        ...spec.argv,
      ],
      stdin: promptFile,
      env: { ...opencodeEnvironment(place, 'deny'), ...place.env },
    }
  },
  read: readOpencode,
  terminal: opencodeTerminal,
}
