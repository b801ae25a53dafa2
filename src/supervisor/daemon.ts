import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { pino } from 'pino'
import { checkTools } from '../workers/tools.ts'
import { endpoints } from './api/endpoints.ts'
import { secretOfAgent } from './api/agent-access.ts'
import { createServer } from './api/server.ts'
import { ensureToken } from './api/token.ts'
import { assemble } from './assembly.ts'
import { readConfigFile } from './config-file.ts'
import type { Address } from './domain/address.ts'
import { parseAddress } from './domain/address.ts'
import { defaults } from './domain/config.ts'
import { SquadError } from './domain/error.ts'
import type { HostLine } from './domain/message.ts'
import { redact } from './domain/redact.ts'
import { armFailpoints } from './failpoint/failpoint.ts'
import { systemClock } from './domain/time.ts'
import type { Home } from './home.ts'
import { prepareHome } from './home.ts'
import { Lifecycle } from './lifecycle.ts'
import { logLine } from './log-events.ts'
import { LogFile } from './log-file.ts'
import { BackupSchedule } from './operations/backup-schedule.ts'
import { Retention } from './operations/retention.ts'
import { stopSignals } from './signals.ts'
import { backupModule } from './store/backup.ts'
import { takeLock } from './store/lock.ts'

export type DaemonOptions = {
  home: Home
  /** Default: the home's own. */
  configFile?: string
  listen?: Address
  /** Default: as the configuration says. */
  metricsListen?: Address
  version: string
  onReady(info: { pid: number; socket: string }): void
  /** Gets each line of the log as it is written. */
  onLog?(line: string): void
}

/** How a stop was asked for. */
type Stop = { drainMs: number; stopAgents: boolean; reason: string }

/**
 * Runs the daemon until it is told to stop; resolves with its exit code. Throws SQUADD_ALREADY_RUNNING
 * when another one holds this home, SQUADD_BAD_CONFIG when it cannot work here; then nothing of it
 * is left.
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  armFailpoints(process.env)
  const { home, version } = options
  prepareHome(home)
  const lock = takeLock(home.lockFile)
  if (!lock) throw alreadyRunning(home)
  const limits = () => ({ bytes: config.logFileBytes, files: config.logFiles })
  const logFile = new LogFile(home.logFile, limits)
  const logs = openLog((line) => {
    logFile.write(line)
    options.onLog?.(line)
  })
  const log = logs.child({ component: 'daemon' })
  const lifecycle = new Lifecycle(systemClock)
  let config = defaults
  let asked: Stop | undefined
  let stopNow: (stop: Stop) => void = () => {}
  const stopped = new Promise<Stop>((resolve) => (stopNow = resolve))

  try {
    await checkTools()
    const file = options.configFile ?? home.configFile
    const required = options.configFile !== undefined
    const readConfig = () => {
      config = readConfigFile(file, { required })
      logs.level = config.logLevel
      log.level = config.logLevel
    }
    readConfig()
    const reload = () => {
      readConfig()
      squad.reconfigure()
      backups.start()
      retention.reconfigure()
      log.info({ file }, 'configuration read again')
      return config
    }
    const onError = (error: unknown) => log.error({ err: error }, 'not handled')
    const onHostLine = (agent: string, { level, message }: HostLine) =>
      logs[level]({ component: 'host', agent }, message)
    const env = process.env
    const agentSecret = ensureToken(home.agentSecretFile)
    const { squad, store, metrics, heavy } = assemble({
      home,
      accessOf: (key) => ({
        socket: home.agentSocket,
        secret: secretOfAgent(agentSecret, key),
      }),
      config: () => config,
      env,
      version,
      onError,
      onHostLine,
      routes: Object.values(endpoints),
    })

    const backups = new BackupSchedule({
      ...{ home, clock: systemClock, config: () => config },
      copy: (data) => heavy.run({ module: backupModule, export: 'copyStore', data }),
      happened: (event) => void store.append([event], systemClock.now()).catch(onError),
    })
    const retention = new Retention({
      ...{ store, clock: systemClock, logsDir: home.logsDir, config: () => config, onError },
    })

    // One write for all that a commit recorded.
    store.onCommitted((events) =>
      logFile.together(() => {
        for (const event of events) {
          const { level, fields, msg } = logLine(event)
          logs[level](fields, msg)
        }
      }),
    )

    /** Stops what was asked first; asked again it no longer waits for running tasks. */
    const stop = (how: Stop) => {
      if (asked) {
        log.info({ reason: how.reason }, 'stopping without waiting')
        return stopNow({ ...asked, drainMs: 0 })
      }
      asked = how
      log.info(how, 'stopping')
      if (how.drainMs === 0) return stopNow(how)
      void squad.drain(how.drainMs).then(() => stopNow(how))
    }

    const shutDown = stopped.then(({ stopAgents }) => squad.shutdown({ stopAgents }))

    await lifecycle.start({ name: 'store', start: () => {}, stop: () => store.close() })
    // The API is closed by then: nobody waits for what is dropped.
    const endPool = () => heavy.pool.shutdown({ timeoutMs: 0 }).catch(() => {})
    await lifecycle.start({ name: 'metrics', start: () => {}, stop: () => metrics.close() })
    await lifecycle.start({ name: 'worker pool', start: () => {}, stop: endPool })
    const server = createServer({
      squad,
      metrics: (accept) => metrics.render(accept),
      meter: metrics.meter,
      control: {
        stop: async ({ drainMs, stopAgents }) => {
          stop({
            drainMs: drainMs ?? config.drainTimeoutMs,
            stopAgents,
            reason: 'asked by a client',
          })
          return shutDown
        },
        reload,
      },
      redactLarge: heavy.redacted,
      onDefect: onError,
      agentSecret,
      ...(options.listen ? { token: ensureToken(home.tokenFile) } : {}),
    })
    await lifecycle.start({
      name: 'api',
      start: async () => {
        await server.listenUnix(home.socket)
        await server.listenAgents(home.agentSocket)
        if (options.listen) await server.listenTcp(options.listen.host, options.listen.port)
        const scraped = options.metricsListen ?? parseAddress(config.metricsListen)
        if (scraped) await server.listenMetrics(scraped.host, scraped.port)
      },
      stop: () => server.close(),
    })
    await lifecycle.start({
      name: 'backups',
      start: () => backups.start(),
      stop: () => backups.stop(),
    })
    await lifecycle.start({
      name: 'retention',
      start: () => retention.start(),
      stop: () => retention.stop(),
    })
    const signals = stopSignals({
      stop: (signal) => stop({ drainMs: config.drainTimeoutMs, stopAgents: false, reason: signal }),
      reload: () => {
        try {
          reload()
        } catch (error) {
          log.error({ err: error }, 'the configuration was not read again')
        }
      },
    })
    writeFileSync(home.pidFile, `${JSON.stringify({ pid: process.pid, socket: home.socket })}\n`)
    const started = { type: 'DaemonStarted', data: { version, pid: process.pid } } as const
    await store.append([started], systemClock.now())
    options.onReady({ pid: process.pid, socket: home.socket })
    squad.start().catch(onError)

    const { unstopped } = await shutDown
    const { reason } = await stopped
    const data = { reason, unstopped }
    await store.append([{ type: 'DaemonStopped', data }], systemClock.now()).catch(onError)
    unstopped.push(...(await lifecycle.stop()))
    signals.close()
    for (const one of unstopped) log.error(one, 'did not stop')
    log.info({ unstopped: unstopped.length }, 'stopped')
    return unstopped.length === 0 ? 0 : 1
  } catch (error) {
    await lifecycle.stop()
    throw error
  } finally {
    rmSync(home.pidFile, { force: true })
    logFile.close()
    lock.release()
  }
}

/** A log whose lines hold no secret: every one of them goes through here. */
function openLog(write: (line: string) => void) {
  return pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: (line: string) => write(redact(line)) },
  )
}

function alreadyRunning(home: Home): SquadError {
  return new SquadError(
    'SQUADD_ALREADY_RUNNING',
    `a daemon runs in ${home.root} (${holder(home)})`,
    {
      hint: 'use it, or stop it with squadd stop',
    },
  )
}

/** What the other daemon says of itself: a hint for people, never a fact to act on. */
function holder(home: Home): string {
  try {
    const { pid } = JSON.parse(readFileSync(home.pidFile, 'utf8')) as { pid: number }
    return `pid ${pid}, socket ${home.socket}`
  } catch {
    return `socket ${home.socket}`
  }
}
