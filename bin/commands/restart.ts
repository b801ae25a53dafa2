import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Session } from '../session.ts'
import type { Ready, StartOptions } from './launch.ts'
import { launch } from './launch.ts'
import { stopDaemon, stopIfRunning } from './stop.ts'

const optionNames = {
  config: '--config',
  listen: '--listen',
  metricsListen: '--metrics-listen',
} as const satisfies Record<keyof StartOptions, string>

/**
 * Stops the daemon and starts it again. One that systemd runs is started by systemd: beside its unit
 * there would be a second one that nobody watches. Throws SQUADD_CONFLICT when the unit has no name
 * here, SQUADD_INVALID for options that belong into it; then nothing was stopped.
 */
export async function restart(session: Session, options: StartOptions): Promise<Ready> {
  const unit = await unitOf(session)
  if (unit === null) {
    await stopIfRunning(session)
    return launch(session, options)
  }
  const given = Object.keys(options)[0] as keyof StartOptions | undefined
  if (given !== undefined)
    throw new SquadError(
      'SQUADD_INVALID',
      `${optionNames[given]} is not for a daemon that systemd runs as ${unit.name}`,
      { hint: 'write it into ExecStart= of the unit' },
    )
  await stopDaemon(session, {})
  await startUnit(unit)
  const { pid } = await (await session.client()).call('status', {})
  return { pid, socket: session.home.socket }
}

/** `manager`: how to speak to the systemd that has it. */
type Unit = { name: string; manager: readonly string[] }

/** The unit that runs the daemon, by what systemd has told it; null when none does. */
async function unitOf(session: Session): Promise<Unit | null> {
  const client = await session.client()
  const status = await client.call('status', {}).catch(() => null)
  if (status === null) return null
  const env = environmentOf(status.pid)
  const name = env.get('SQUADD_UNIT')
  const manager = env.has('MANAGERPID') ? ['--user'] : []
  if (name) return { name, manager }
  // The same variable in a child of what systemd has started says nothing of that child.
  if (env.get('SYSTEMD_EXEC_PID') !== String(status.pid)) return null
  throw new SquadError('SQUADD_CONFLICT', 'systemd runs this daemon', {
    hint: `${['systemctl', ...manager].join(' ')} restart its unit, or make that anew: squadd systemd`,
  })
}

/** What a process was started with; nothing where nobody may read that. */
function environmentOf(pid: number): Map<string, string> {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8')
    return new Map(
      text.split('\0').map((one) => [one.split('=', 1)[0]!, one.replace(/^[^=]*=/, '')]),
    )
  } catch {
    return new Map()
  }
}

/** Resolves when systemd says that it is up, which is when the daemon is ready. */
async function startUnit({ name, manager }: Unit): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile('systemctl', [...manager, 'start', '--', name], (error, _stdout, stderr) => {
      if (!error) return resolve()
      const problem = stderr.trim().split('\n')[0] || error.message
      const message = `the daemon has stopped, and systemd did not start ${name}: ${problem}`
      const hint = `${['systemctl', ...manager].join(' ')} status ${name}`
      reject(new SquadError('SQUADD_NOT_RUNNING', message, { hint }))
    })
  })
}
