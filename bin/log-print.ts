import { parseLogLine, readable } from './log-line.ts'
import { line } from './print.ts'

/** A line of the log on stdout: for a person to read, or as it is for what collects it. */
export function onLog(text: string): void {
  const found = process.stdout.isTTY ? parseLogLine(text) : null
  if (found) line(readable(found))
  else process.stdout.write(text)
}
