import type { ProgramName } from '../../supervisor/domain/agent.ts'
import { SquadError } from '../../supervisor/domain/error.ts'
import { aider } from './aider.ts'
import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { command } from './command.ts'
import { gemini } from './gemini.ts'
import { opencode } from './opencode.ts'
import type { Program } from './program.ts'
import { shell } from './shell.ts'
import type { Terminal } from './terminal.ts'

const programs = {
  ...{ claude, codex, gemini, opencode, aider, shell, command },
} satisfies Record<ProgramName, Program>

export const programOf = (name: ProgramName): Program => programs[name]

/** The terminal of an interactive program. Throws SQUADD_BAD_CONFIG where there is none. */
export function terminalOf(name: ProgramName): Terminal {
  const { terminal } = programOf(name)
  if (terminal) return terminal
  throw new SquadError('SQUADD_BAD_CONFIG', `${name} has no interactive mode`, {
    hint: 'use --mode headless',
  })
}
