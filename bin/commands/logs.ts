import type { Command } from 'commander'
import { Option } from 'commander'
import type { LogLevel } from '../../src/supervisor/domain/config.ts'
import { logLevels } from '../../src/supervisor/domain/config.ts'
import { codeOf, SquadError } from '../../src/supervisor/domain/error.ts'
import { whole } from '../arguments.ts'
import { line, jsonLine } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'

type Options = { follow?: true; agent?: string; level?: LogLevel; lines: number }

/** logs: what the daemon has written, whether it runs or not. */
export function addLogsCommand(program: Command): void {
  program
    .command('logs')
    .description("the daemon's log; with --json as it is, one object a line")
    .option('-f, --follow', 'go on with what is written')
    .option('--agent <name>', 'only of this agent')
    .addOption(new Option('--level <level>', 'only this and what is worse').choices(logLevels))
    .option('-n, --lines <n>', 'the last so many; default 100', whole(0), 100)
    .action(act<[], Options>(async (session, _args, options) => tellLogs(session, options)))
}

async function tellLogs(session: Session, { follow, lines, ...filter }: Options): Promise<void> {
  const { isWanted, parseLogLine, readable } = await import('../log-line.ts')
  const { lastLines } = await import('../../src/supervisor/operations/log-tail.ts')
  const { logFile } = session.home
  const tell = (text: string) => {
    const found = parseLogLine(text)
    if (!found || !isWanted(found, filter)) return
    if (session.json) jsonLine(found)
    else line(readable(found))
  }
  const wanted = (text: string) => {
    const found = parseLogLine(text)
    return found !== null && isWanted(found, filter)
  }
  const last = await lastLines(logFile, lines, wanted).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? noLog(logFile) : error
  })
  for (const text of last.lines) tell(text)
  if (!follow) return last.place.file.close()
  const { followLines } = await import('../log-files.ts')
  for await (const text of followLines(logFile, last.place)) tell(text)
}

const noLog = (file: string): SquadError =>
  new SquadError('SQUADD_NOT_FOUND', `there is no log ${file}`, { hint: 'squadd start' })
