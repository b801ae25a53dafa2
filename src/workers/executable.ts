import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { AgentSpec } from '../supervisor/domain/agent.ts'
import { SquadError } from '../supervisor/domain/error.ts'
import { programOf, terminalOf } from './programs/programs.ts'

/**
 * Throws SQUADD_BAD_CONFIG when an agent's program is not there, or not in its mode. `env` is the
 * environment of the agent.
 */
export function checkProgram(
  { program, mode }: Pick<AgentSpec, 'program' | 'mode'>,
  env: Readonly<Record<string, string>>,
): void {
  if (mode === 'interactive') terminalOf(program)
  const { executable } = programOf(program)
  if (executable === null || isInPath(executable, env['PATH'] ?? '')) return
  throw new SquadError('SQUADD_BAD_CONFIG', `program ${program}: ${executable} is not installed`, {
    field: 'program',
    value: program,
    hint: `install it, or have the daemon started with a PATH that finds it: it is ${env['PATH'] ?? 'empty'}`,
  })
}

export const isInPath = (name: string, path: string): boolean =>
  path.split(delimiter).some((folder) => isAbsolute(folder) && isExecutable(join(folder, name)))

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
