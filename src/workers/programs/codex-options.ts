import type { Place } from './launch.ts'

/** One `-c NAME=VALUE`; the value is TOML. */
export const setting = (name: string, value: string): string[] => ['-c', `${name}=${value}`]

/** A TOML basic string: JSON's, but for one character. */
export const toml = (text: string): string => JSON.stringify(text).replaceAll('\u007F', '\\u007F')

/** What both modes say of the folder and of Codex itself, for this start alone. */
export function codexOptions({ spec, worktree }: Place): string[] {
  const trust = spec.trust ? 'trusted' : 'untrusted'
  return [
    ...['-s', spec.permission === 'auto' ? 'danger-full-access' : 'workspace-write'],
    // As one value: a path in a dotted key would be split at its dots.
    ...setting('projects', `{${toml(worktree)}={trust_level=${toml(trust)}}}`),
    ...setting('check_for_update_on_startup', 'false'),
    // Else its turns run in a process of its own, which goes on after its terminal has ended.
    ...setting('features.daemon_auto_start', 'false'),
    // Else it waits for a model API that is not there for ever; squadd tries again by itself.
    ...setting('features.unbounded_connection_retries', 'false'),
  ]
}
