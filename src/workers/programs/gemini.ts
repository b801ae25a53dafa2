import { randomUUID } from 'node:crypto'
import { geminiEnvironment, geminiOptions } from './gemini-options.ts'
import { readGemini } from './gemini-read.ts'
import { geminiTerminal } from './gemini-terminal.ts'
import type { Program } from './program.ts'
import { afterNewline } from './prompt.ts'

/**
 * Google's Gemini CLI. `ask`: files are edited, shell commands are not offered to the model in
 * headless mode. `auto`: everything runs. Without `trust` the settings, hooks and MCP servers of the
 * repository stay off. Where a prompt says `@` and a path in the worktree, Gemini adds that file.
 */
export const gemini: Program = {
  name: 'gemini',
  executable: 'gemini',
  newConversation: randomUUID,
  asData: afterNewline,
  launch: (place, _order, promptFile) => ({
    argv: ['gemini', '--output-format', 'stream-json', ...geminiOptions(place)],
    stdin: promptFile,
    env: { ...geminiEnvironment(place), ...place.env },
  }),
  read: readGemini,
  terminal: geminiTerminal,
}
