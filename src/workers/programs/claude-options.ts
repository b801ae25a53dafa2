import type { Place } from './launch.ts'

/** The user's own values go before ours. */
export const claudeEnv = (place: Place): Record<string, string> => ({ ...env, ...place.env })

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

/** What both modes say at the start. */
export function claudeOptions({ spec, conversation }: Place): string[] {
  return [
    '--permission-mode',
    'acceptEdits',
    // What the repository itself configures may run programs: only where a person trusts it.
    ...(spec.trust ? [] : ['--setting-sources', 'user']),
    ...(conversation ? [conversation.isBegun ? '--resume' : '--session-id', conversation.id] : []),
    ...spec.argv,
  ]
}

/** The file of our settings, in the place's folder: added to the user's own. */
export const settingsFile = 'claude.json'

/** The hook that says yes to whatever it asks. */
export function sayAllow(): string {
  const decision = { behavior: 'allow' }
  const answer = { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } }
  return `printf '%s' '${JSON.stringify(answer)}'`
}
