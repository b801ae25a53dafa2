import { sharedOptions } from './codex-options.ts'
import { codexTerminal } from './codex-terminal.ts'
import type { Program } from './program.ts'

/** OpenAI's Codex. */
export const codex: Program = {
  name: 'codex',
  executable: 'codex',
  launch: (place, _order, promptFile) => ({
    argv: ['codex', 'exec', '--json', ...sharedOptions(place), ...place.spec.argv, '-'],
    stdin: promptFile,
    env: place.env,
  }),
  terminal: codexTerminal,
}
