import type { Place } from './launch.ts'

/** What both modes set for Gemini, beneath what the agent was given. */
export const geminiEnvironment = ({ spec }: Place): Record<string, string> => ({
  // It would start itself again as a child, which neither a signal nor the end of its window reaches.
  GEMINI_CLI_NO_RELAUNCH: 'true',
  // Known before the settings are read: then those of the repository count.
  ...(spec.trust ? { GEMINI_CLI_TRUST_WORKSPACE: 'true' } : {}),
})

/** What both modes say of the folder, of permissions and of the conversation. */
export function geminiOptions({ spec, conversation }: Place): string[] {
  return [
    // Read after the settings of the repository were left out: it only lets Gemini edit.
    '--skip-trust',
    ...['--approval-mode', spec.permission === 'auto' ? 'yolo' : 'auto_edit'],
    ...(conversation ? [conversation.isBegun ? '--resume' : '--session-id', conversation.id] : []),
    ...spec.argv,
  ]
}
