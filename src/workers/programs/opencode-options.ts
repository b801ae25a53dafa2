import type { Place } from './launch.ts'

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
