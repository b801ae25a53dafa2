import { randomUUID } from 'node:crypto'
import { geminiEnv, geminiHome } from './gemini-home.ts'
import { geminiOptions, geminiTerminal } from './gemini-terminal.ts'
import type { Program } from './program.ts'

/** Google's Gemini CLI. */
export const gemini: Program = {
  name: 'gemini',
  executable: 'gemini',
  newConversation: randomUUID,
  launch: (place, _order, promptFile) => ({
    argv: ['gemini', '--output-format', 'stream-json', ...geminiOptions(place)],
    stdin: promptFile,
    env: { ...place.env, ...geminiEnv(place) },
    ...geminiHome(place, {}),
  }),
  terminal: geminiTerminal,
}
