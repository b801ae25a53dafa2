import type { ProgramName } from '../../supervisor/domain/agent.ts'
import { SquadError } from '../../supervisor/domain/error.ts'
import { command } from './command.ts'
import type { Program } from './program.ts'
import { shell } from './shell.ts'

/** The program of that name. Throws SQUADD_BAD_CONFIG for one that is not built yet. */
export function programOf(name: ProgramName): Program {
  const found = [shell, command].find((program) => program.name === name)
  if (found) return found
  throw new SquadError('SQUADD_BAD_CONFIG', `program ${name} is not supported yet`, {
    hint: 'use shell or command',
  })
}
