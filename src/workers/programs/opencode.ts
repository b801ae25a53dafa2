import type { Place } from './launch.ts'
import { readOpencode } from './opencode-read.ts'
import type { Program } from './program.ts'

/**
 * What both modes set for opencode, beneath what the agent was given. `whenAsked`: what becomes of a
 * question whether it may; `more` goes into the configuration of this start.
 */
export function opencodeEnvironment(
  { spec }: Place,
  whenAsked: 'ask' | 'deny',
  more: Record<string, unknown> = {},
): Record<string, string> {
  const permission =
    spec.permission === 'auto'
      ? 'allow'
      : { edit: 'allow', bash: whenAsked, webfetch: whenAsked, external_directory: whenAsked }
  return {
    OPENCODE_CONFIG_CONTENT: JSON.stringify({
      ...{ autoupdate: false, share: 'disabled', permission },
      ...more,
    }),
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    ...(spec.trust ? {} : { OPENCODE_DISABLE_PROJECT_CONFIG: '1' }),
  }
}

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
}
