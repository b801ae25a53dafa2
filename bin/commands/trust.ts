import { createInterface } from 'node:readline/promises'
import type { ProgramName } from '../../src/supervisor/domain/agent.ts'
import { cut, oneLine } from '../../src/supervisor/domain/text.ts'
import { note } from '../print.ts'
import type { Finding } from '../../src/supervisor/operations/project-configuration.ts'
import {
  configurationOf,
  instructionsOf,
} from '../../src/supervisor/operations/project-configuration.ts'

/**
 * Asks the person at the terminal, once, whether what the repository configures for the program may
 * run, and shows what that is. Where there is nothing of the kind, or nobody to ask, it does not run.
 */
export async function askTrust(repo: string, program: ProgramName): Promise<boolean> {
  const spoken = instructionsOf(repo, program)
  if (spoken.length > 0)
    note(`${program} reads ${spoken.join(', ')} of this repository as your words`)
  const found = configurationOf(repo, program)
  if (found.length === 0) return false
  const what = `this repository configures ${program} in ${found.map(({ file }) => file).join(', ')}`
  const isAsked = process.stdin.isTTY && process.stderr.isTTY
  note(isAsked ? `${what}. It may run commands as you, whenever the agent works.` : `${what}:`)
  for (const line of listed(found)) note(line)
  if (!isAsked) {
    note('that is left out; --trust lets it run')
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('Trust it? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}

/** What files say, a line each: text of the repository, so cut and on one line. */
export const listed = (found: readonly Finding[]): string[] =>
  found.flatMap(({ file, says }) =>
    (says.length > 0 ? says : ['(nothing that is known to run)']).map(
      (line) => `  ${cut(oneLine(`${file}: ${line}`), 158)}`,
    ),
  )
