import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Metrics } from '../metrics/recorder.ts'
import { createHostProbe, fileBytes, freeBytes, machineFacts } from '../metrics/host-probe.ts'
import { createMetrics } from '../metrics/recorder.ts'
import { createSampler } from '../metrics/sampler.ts'
import { createAgentHosts } from '../workers/agent-process.ts'
import { agentEnvironment } from '../workers/environment.ts'
import { checkProgram } from '../workers/executable.ts'
import { HeavyWork } from '../workers/heavy-work.ts'
import { createOutboxWatch } from '../workers/outbox-watch.ts'
import { createOutputLogs } from '../workers/output-logs.ts'
import { createWorktrees } from '../workers/worktree.ts'
import type { Config } from './domain/config.ts'
import type { HostLine } from './domain/message.ts'
import type { Meter } from './domain/meter.ts'
import type { NotificationRule } from './domain/notification.ts'
import { readNotifications } from './domain/notification.ts'
import type { Store } from './domain/ports.ts'
import { systemClock, systemRandom } from './domain/time.ts'
import type { Home } from './home.ts'
import type { AgentPorts } from './agent-owner.ts'
import { createCourier } from './notify/courier.ts'
import { listBackups } from './operations/backups.ts'
import { Supervisor } from './supervisor.ts'
import { metered } from './store/metered.ts'
import { openSqliteStore } from './store/open.ts'

export type AssemblyOptions = {
  home: Home
  /** The store file, or `:memory:`. Default: the home's. */
  storeFile?: string
  /** The configuration as it is now; it may change. */
  config: () => Config
  env: NodeJS.ProcessEnv
  /** How the programs of an agent reach the API. Default: not at all. */
  accessOf?: (key: string) => { socket: string; secret: string }
  /** Hosts and watches do not keep this process alive. Default false. */
  background?: boolean
  /** No other supervisor will ever adopt the agents: they end with this process. Default false. */
  endsWithSupervisor?: boolean
  version: string
  onError: (error: unknown) => void
  /** Gets what the host of an agent has for the log. */
  onHostLine: (agent: string, line: HostLine) => void
  /** The endpoints of its API. Default: it has none. */
  routes?: readonly { method: string; path: string }[]
}

export type Assembly = {
  squad: Supervisor
  store: Store
  metrics: Metrics
  /** Its pool is for the owner to shut down. */
  heavy: HeavyWork
}

// More than this ends badly for the stop ladder: TERM, grace, KILL and the last look.
const endSlackMs = 10_000

/** What agents need of the world: forked hosts, tmux and git, in the folders of `home`. */
function agentPorts(
  options: Omit<AssemblyOptions, 'storeFile' | 'version' | 'onError' | 'onHostLine'>,
  instanceId: string,
  heavy: HeavyWork,
  meter: Meter,
): AgentPorts {
  const { home, config, env, background = false, endsWithSupervisor = false, accessOf } = options
  const tmuxSocket = (key: string) => join(home.runtimeDir, `${key}.sock`)
  return {
    clock: systemClock,
    random: systemRandom,
    meter,
    hosts: createAgentHosts({ logFile: home.printFile, background }),
    worktrees: createWorktrees({
      diff: heavy.diff,
      onLockRetry: (operation) => meter.gitLockRetried(operation),
    }),
    watch: createOutboxWatch({ background }),
    brake: () => ({ intensity: config().restartIntensity, periodMs: config().restartPeriodMs }),
    endLimitMs: () => config().stopGraceMs + endSlackMs,
    tmuxSocket,
    setup(record, current) {
      const dir = join(home.agentsDir, record.key)
      return {
        spec: record.spec,
        runPrefix: `${instanceId}/${record.key}`,
        dir,
        outbox: join(dir, 'outbox'),
        logs: home.logsDir,
        socket: tmuxSocket(record.key),
        worktree: record.worktree,
        conversation: record.conversation,
        env: agentEnvironment(env, record.spec.program, record.spec.env),
        outputLimitBytes: config().outputLimitBytes,
        outputTailBytes: config().outputTailBytes,
        stopGraceMs: config().stopGraceMs,
        limits: {
          memoryBytes: config().agentMaxMemoryBytes,
          processes: config().agentMaxProcesses,
          fileBytes: config().agentMaxFileBytes,
        },
        endsWithSupervisor,
        ...(accessOf ? { access: accessOf(record.key) } : {}),
        current,
      }
    },
  }
}

/** The rules of the configuration as it is, read once each time that it has changed. */
function rulesOf(config: () => Config): () => readonly NotificationRule[] {
  let given: Config['notifications'] | undefined
  let rules: readonly NotificationRule[] = []
  return () => {
    const { notifications } = config()
    if (notifications !== given) rules = readNotifications((given = notifications))
    return rules
  }
}

/** Builds a squad on SQLite, tmux and git: the one place that knows all of them. */
export function assemble(options: AssemblyOptions): Assembly {
  const { home, config, version, onError, onHostLine } = options
  const file = options.storeFile ?? home.storeFile
  const notifications = rulesOf(config)
  const stored = openSqliteStore({
    file,
    patience: config,
    taskQueueSize: () => config().taskQueueSize,
    notifications,
    now: systemClock.now(),
  })
  const heavy = new HeavyWork()
  const metrics: Metrics = createMetrics({
    version,
    store: 'sqlite',
    startedAt: systemClock.now(),
    routes: options.routes ?? [],
    ...systemClock,
    ...{ limits: config, host: machineFacts, pool: () => heavy.pool.metrics() },
    agents: () => squad.metricFacts.agents(),
    programBreaker: (program) => squad.metricFacts.programBreaker(program),
    isAdmissionPaused: () => squad.metricFacts.isAdmissionPaused(),
    taskCounts: () => stored.taskCounts(),
    oldestReadyAt: () => stored.oldestReadyAt(),
    counters: () => stored.counters(),
    refreshAgents: () => squad.metricFacts.refreshAgents(),
    freeDisk: async () => ({
      state: await freeBytes(home.stateDir),
      worktrees: await freeBytes(home.worktreesDir),
    }),
    storeSize: async () => ({ main: await fileBytes(file), wal: await fileBytes(`${file}-wal`) }),
    lastBackupAt: () => listBackups(home)[0]?.at ?? null,
  })
  const { meter } = metrics
  const store = metered(stored, meter)
  const host = createHostProbe(home.stateDir, home.worktreesDir)
  const squad = new Supervisor(config, {
    ...agentPorts(options, store.instanceId, heavy, meter),
    store,
    outputs: createOutputLogs(home.logsDir),
    sampler: createSampler(),
    host,
    courier: createCourier(options.env),
    notifications,
    place: (agentId) => join(home.worktreesDir, agentId),
    checkProgram: (spec) =>
      checkProgram(spec, agentEnvironment(options.env, spec.program, spec.env)),
    startWidth: availableParallelism() * 2,
    onError,
    onHostLine,
    about: { version, pid: process.pid, home: home.root },
  })
  store.onCommitted((events) => metrics.onEvents(events))
  return { squad, store, metrics, heavy }
}
