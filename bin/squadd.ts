import { Command, CommanderError } from 'commander'
import { version } from '../src/supervisor/api/local.ts'
import { toWire } from '../src/supervisor/api/wire-error.ts'
import { asSquadError, errors, SquadError } from '../src/supervisor/domain/error.ts'
import { redactAll } from '../src/supervisor/domain/redact.ts'
import { safeJson } from '../src/supervisor/domain/text.ts'
import { addAgentCommands } from './commands/agent.ts'
import { addBackupCommand } from './commands/backup.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addDaemonCommands } from './commands/daemon.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addExitCodes } from './commands/exit-codes.ts'
import { addLogsCommand } from './commands/logs.ts'
import { addNotifyCommands } from './commands/notify.ts'
import { addObserveCommands } from './commands/observe.ts'
import { addSystemdCommand } from './commands/systemd.ts'
import { addTaskCommands } from './commands/task.ts'
import { addTopCommand } from './commands/top.ts'
import { note } from './print.ts'

/** Runs one command line; sets the exit code of the process and never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  // The reader has seen enough (`| head`): that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    await build().parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const known = error instanceof CommanderError ? usageError(error) : asSquadError(error)
    process.exitCode = errors[known.code].exit
    if (asksForJson(argv)) process.stderr.write(`${safeJson(redactAll(toWire(known)))}\n`)
    else if (known.message) note(`squadd: ${known.message}`)
  }
}

function build(): Command {
  const program = new Command('squadd')
    .description('Supervises a fleet of coding agents.')
    .version(version, '-V, --version', 'print the version')
    .option('--home <dir>', 'keep everything in this folder (or SQUADD_HOME)')
    .option('--json', 'print JSON for programs')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .addHelpText('after', '\nExit codes: squadd help exit-codes')
  addDaemonCommands(program)
  addAgentCommands(program)
  addTaskCommands(program)
  addObserveCommands(program)
  addTopCommand(program)
  addLogsCommand(program)
  addNotifyCommands(program)
  addExplainCommand(program)
  addDoctorCommand(program)
  addBackupCommand(program)
  addCompletionCommand(program)
  addSystemdCommand(program)
  addExitCodes(program)
  return program
}

/** A wrong command line; help that was shown for want of a command needs no further words. */
function usageError({ code, message }: CommanderError): SquadError {
  const text = code === 'commander.help' ? '' : message.replace(/^error: /, '')
  return new SquadError('SQUADD_INVALID', text)
}

function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).includes('--json')
}
