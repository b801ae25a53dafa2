import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { prepareHome, readConfigFile, version } from '../../src/supervisor/api/local.ts'
import { fromWire, toWire } from '../../src/supervisor/api/wire-error.ts'
import type { Address } from '../../src/supervisor/domain/address.ts'
import { asSquadError, SquadError } from '../../src/supervisor/domain/error.ts'
import { note } from '../print.ts'
import type { Session } from '../session.ts'

export type StartOptions = { config?: string; listen?: Address; metricsListen?: Address }
export type Ready = { pid: number; socket: string }

const readyTimeoutMs = 30_000
const mostPrintedBytes = 1_048_576
// Where the daemon says that it is ready, or why it is not: the first free descriptor.
const readyFd = 3

/**
 * Starts the daemon in the background and waits until it is ready. Throws what it says, or
 * SQUADD_TIMEOUT after 30 s; then the end of its log has been shown and it is not left running.
 */
export async function launch(session: Session, options: StartOptions): Promise<Ready> {
  const { home } = session
  prepareHome(home)
  // Before anything that costs: of many starters most leave here.
  const { takeStartLock } = await import('../../src/supervisor/start-lock.ts')
  const lock = takeStartLock(home)
  try {
    await refuseSecond(session)
    if (options.config !== undefined) readConfigFile(options.config, { required: true })
    return await launchAlone(session, options)
  } finally {
    lock.release()
  }
}

async function launchAlone(session: Session, options: StartOptions): Promise<Ready> {
  const { home } = session
  const log = openSync(home.printFile, isLarge(home.printFile) ? 'w' : 'a', 0o600)
  const from = fstatSync(log).size
  const child = spawn(process.execPath, argumentsFor(session, options), {
    cwd: home.stateDir,
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
  })
  closeSync(log)
  try {
    return await readiness(child)
  } catch (error) {
    const known = asSquadError(error).message
    const tail = readFileSync(home.printFile).subarray(from).toString('utf8').trim().split('\n')
    for (const line of tail.slice(-10)) if (line && !line.includes(known)) note(line)
    throw error
  } finally {
    child.stdio[readyFd]?.destroy()
    child.unref()
  }
}

/** More than anybody reads: it begins anew. */
const isLarge = (file: string): boolean =>
  (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > mostPrintedBytes

function argumentsFor(session: Session, { config, ...at }: StartOptions): string[] {
  return [
    ...process.execArgv,
    // What a flood of large prompts leaves behind goes sooner: 60 MB less, at no cost that shows.
    '--max-semi-space-size=8',
    process.argv[1]!,
    'start',
    '--foreground',
    `--ready-fd=${readyFd}`,
    ...(session.root === undefined ? [] : [`--home=${session.home.root}`]),
    ...(config === undefined ? [] : [`--config=${config}`]),
    ...option('--listen', at.listen),
    ...option('--metrics-listen', at.metricsListen),
  ]
}

const option = (name: string, at: Address | undefined): string[] =>
  at === undefined ? [] : [`${name}=${at.host}:${at.port}`]

async function readiness(child: ChildProcess): Promise<Ready> {
  const limit = setTimeout(() => child.kill('SIGTERM'), readyTimeoutMs)
  const exited = once(child, 'exit')
  exited.catch(() => {})
  let text = ''
  for await (const chunk of child.stdio[readyFd] as Readable) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  const said = text ? (JSON.parse(text) as { ready?: Ready }) : {}
  if (!said.ready) await exited
  clearTimeout(limit)
  if (said.ready) return said.ready
  if (text) throw fromWire(said, 0)
  if (child.signalCode === 'SIGTERM')
    throw new SquadError('SQUADD_TIMEOUT', `the daemon was not ready in ${readyTimeoutMs} ms`)
  const end = child.signalCode ?? `exit ${child.exitCode}`
  throw new SquadError('SQUADD_INTERNAL', `the daemon ended before it was ready (${end})`)
}

/** Runs the daemon in this process until it stops, and exits with its code. */
export async function runHere(
  session: Session,
  { config, ...listening }: StartOptions,
  fd: number | undefined,
): Promise<void> {
  const say = (message: object) => {
    if (fd === undefined) return
    writeSync(fd, `${JSON.stringify(message)}\n`)
    closeSync(fd)
  }
  const { home } = session
  try {
    await refuseSecond(session)
    if (config !== undefined) readConfigFile(config, { required: true })
    const { onLog } = await import('../log-print.ts')
    const { runDaemon } = await import('../../src/supervisor/daemon.ts')
    const code = await runDaemon({
      home,
      version,
      ...(config === undefined ? {} : { configFile: config }),
      ...listening,
      ...(fd === undefined ? { onLog } : {}),
      onReady: (ready) => {
        say({ ready })
        tellSystemd()
        if (fd === undefined) note(`squadd ${version} ready (pid ${ready.pid}, ${ready.socket})`)
      },
    })
    process.exit(code)
  } catch (error) {
    say(toWire(asSquadError(error)))
    throw error
  }
}

/** Under systemd the unit is up from now on. Its own tool has to say it: Node has no such sockets. */
function tellSystemd(): void {
  if (!process.env['NOTIFY_SOCKET']) return
  execFile('systemd-notify', ['--ready'], (error) => {
    if (error) note(`systemd was not told that squadd is ready: ${error.message}`)
  })
  delete process.env['NOTIFY_SOCKET']
}

/** A daemon that answers is a better message than a lock that is taken; the lock decides. */
async function refuseSecond(session: Session): Promise<void> {
  const client = await session.client()
  const status = await client.call('status', {}, { timeoutMs: 2_000 }).catch(() => undefined)
  if (!status) return
  throw new SquadError('SQUADD_ALREADY_RUNNING', `a daemon runs here already (pid ${status.pid})`, {
    pid: status.pid,
    hint: 'use it, or squadd stop',
  })
}
