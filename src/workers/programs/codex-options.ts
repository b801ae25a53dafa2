import type { Place } from './launch.ts'

/** One `-c NAME=VALUE`; the value is TOML. */
export const setting = (name: string, value: string): string[] => ['-c', `${name}=${value}`]

/** A TOML string. JSON's escapes are TOML's, but for the one character that JSON leaves alone. */
export const toml = (text: string): string => JSON.stringify(text).replaceAll('\x7f', '\\u007f')

/**
 * What holds for every start, headless or not: nothing of it is written into the user's
 * config.toml, and his own settings stay but for these.
 */
export const sharedOptions = ({ spec, worktree }: Place): string[] => [
  // What the repository itself configures may run programs: only where a person trusts it.
  ...setting(
    'projects',
    `{${toml(worktree)}={trust_level=${toml(spec.trust ? 'trusted' : 'untrusted')}}}`,
  ),
  ...setting('check_for_update_on_startup', 'false'),
  // Else its turns run in a process of its own, which goes on after its terminal has ended.
  ...setting('features.daemon_auto_start', 'false'),
  '-s',
  'workspace-write',
]
