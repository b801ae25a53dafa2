import type { Command } from 'commander'
import { json, table } from '../print.ts'
import { act } from '../session.ts'

const exitCodes: [code: string, meaning: string][] = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'the command line or an input is wrong'],
  ['3', 'the daemon is not running'],
  ['4', 'not authorised'],
  ['5', 'not found'],
  ['6', 'conflict, or already running'],
  ['7', 'timeout'],
  ['8', 'the task did not succeed'],
  ['78', 'the configuration or its surroundings do not work'],
  ['130', 'interrupted (SIGINT)'],
  ['143', 'terminated (SIGTERM)'],
]

/** `squadd help exit-codes`, and the same as a command. */
export function addExitCodes(program: Command): void {
  const rows = exitCodes.map(([code, meaning]) => `${code.padStart(4)}  ${meaning}\n`).join('')
  const command = program
    .command('exit-codes', { hidden: true })
    .description('what the exit codes mean')
    .action(
      act(async (session) => {
        if (session.json)
          json(exitCodes.map(([code, meaning]) => ({ code: Number(code), meaning })))
        else table(['code', 'meaning'], exitCodes)
      }),
    )
  command.helpInformation = () => `Exit codes of squadd:\n\n${rows}`
}
