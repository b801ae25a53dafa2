import type { ProgramName } from '../../supervisor/domain/agent.ts'
import { SquadError } from '../../supervisor/domain/error.ts'
import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { command } from './command.ts'
import { gemini } from './gemini.ts'
import type { Program } from './program.ts'
import { shell } from './shell.ts'
import type { Terminal } from './terminal.ts'

const programs: Partial<Record<ProgramName, Program>> = { shell, command, claude, codex, gemini }

/** The program of that name. Throws SQUADD_BAD_CONFIG for one that is not built yet. */
export function programOf(name: ProgramName): Program {
  const found = programs[name]
  if (found) return found
  throw new SquadError('SQUADD_BAD_CONFIG', `program ${name} is not supported yet`, {
    hint: `use ${Object.keys(programs).join(', ')}`,
  })
}

/** The terminal of an interactive program. Throws SQUADD_BAD_CONFIG where there is none. */
export function terminalOf(name: ProgramName): Terminal {
  const { terminal } = programOf(name)
  if (terminal) return terminal
  throw new SquadError('SQUADD_BAD_CONFIG', `${name} has no interactive mode`, {
    hint: 'use --mode headless',
  })
}
