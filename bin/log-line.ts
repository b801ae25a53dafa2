import type { LogLevel } from '../src/supervisor/domain/config.ts'
import { logLevels } from '../src/supervisor/domain/config.ts'

export type LogLine = {
  time: string
  level: LogLevel
  msg: string
  component?: string
  agent?: string
  task?: string
  attempt?: number
  data?: Record<string, unknown>
  [more: string]: unknown
}

/** A line of the log, or null when it is none. */
export function parseLogLine(text: string): LogLine | null {
  try {
    const line = JSON.parse(text) as LogLine
    return typeof line.time === 'string' && logLevels.includes(line.level) ? line : null
  } catch {
    return null
  }
}

export type LogFilter = { agent?: string; level?: LogLevel }

export const isWanted = (line: LogLine, { agent, level = 'debug' }: LogFilter): boolean =>
  (agent === undefined || line.agent === agent) &&
  logLevels.indexOf(line.level) >= logLevels.indexOf(level)

/** A line of the log as people read it, in local time. */
export function readable({ time, level, msg, component, agent, task, ...rest }: LogLine): string {
  const { attempt, data, err, event: _, ...more } = rest
  const at = new Date(time)
  const clock = `${at.toLocaleTimeString('sv')}.${String(at.getMilliseconds()).padStart(3, '0')}`
  const who = [agent, task === undefined ? undefined : task + (attempt ? `#${attempt}` : '')]
  const facts = Object.entries({ ...data, ...more }).filter(([, value]) => value !== null)
  const words = [
    ...[`${at.toLocaleDateString('sv')} ${clock}`, level.toUpperCase().padEnd(5), component, msg],
    ...who,
    ...facts.map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ),
  ].filter((word) => word !== undefined)
  const { stack, message } = (err ?? {}) as { stack?: string; message?: string }
  const error = stack ?? message
  return (
    words.join(' ').replaceAll('\n', ' ') + (error ? `\n  ${error.replaceAll('\n', '\n  ')}` : '')
  )
}
