import { readCodex } from './codex-read.ts'
import type { Place } from './launch.ts'
import type { Program } from './program.ts'

/** What both modes say of the folder and of Codex itself, for this start alone. */
export function codexSettings({ spec, worktree }: Place): string[] {
  const trust = spec.trust ? 'trusted' : 'untrusted'
  return [
    // As one value: a path in a dotted key would be split at its dots.
    ...['-c', `projects={${toml(worktree)}={trust_level=${toml(trust)}}}`],
    ...['-c', 'check_for_update_on_startup=false'],
  ]
}

/** A TOML basic string: JSON's, but for one character. */
export const toml = (text: string): string => JSON.stringify(text).replaceAll('\u007F', '\\u007F')

/**
 * OpenAI's Codex. `ask`: commands run in its sandbox, which lets them write in the worktree and
 * in /tmp and keeps the network away; what needs more is refused. `auto`: no sandbox, and nothing is asked.
 * Without `trust` the configuration, hooks and MCP servers of the repository stay off. Its
 * `config.toml` stays as it is in headless mode.
 */
export const codex: Program = {
  name: 'codex',
  executable: 'codex',
  launch(place, _order, promptFile) {
    const { spec, conversation } = place
    return {
      argv: [
        ...['codex', 'exec', '--json', '--skip-git-repo-check'],
        ...['-s', spec.permission === 'auto' ? 'danger-full-access' : 'workspace-write'],
        ...codexSettings(place),
        ...spec.argv,
        ...(conversation?.isBegun ? ['resume', conversation.id] : []),
        '-',
      ],
      stdin: promptFile,
    }
  },
  read: readCodex,
  sumsUsage: true,
}
