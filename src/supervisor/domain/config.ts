import { isLoopback, parseAddress } from './address.ts'
import { SquadError } from './error.ts'
import type { NotificationInput } from './notification.ts'
import { readNotifications, shownNotification } from './notification.ts'
import { parseDuration } from './time.ts'

type Field =
  | { kind: 'count'; default: number; min: number; max: number; doc: string }
  | { kind: 'duration'; default: number; min: number; max: number; doc: string }
  | { kind: 'flag'; default: boolean; doc: string }
  | { kind: 'choice'; default: string; choices: readonly string[]; doc: string }
  | { kind: 'loopback'; default: string; doc: string }
  | { kind: 'limits'; default: Readonly<Record<string, number>>; doc: string }
  | { kind: 'notifications'; default: readonly NotificationInput[]; doc: string }

const day = 86_400_000

const count = (value: number, min: number, max: number, doc: string) =>
  ({ kind: 'count', default: value, min, max, doc }) as const
const duration = (value: number, min: number, max: number, doc: string) =>
  ({ kind: 'duration', default: value, min, max, doc }) as const

export const loadBalancingAlgorithms = ['least-loaded', 'round-robin', 'random'] as const
export type LoadBalancingAlgorithm = (typeof loadBalancingAlgorithms)[number]

export const waitingPolicies = ['escalate', 'allow', 'deny', 'fail'] as const
export type WaitingPolicy = (typeof waitingPolicies)[number]

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Every setting, with its default, its bounds and what it means. Durations are milliseconds. */
export const configTable = {
  maxConcurrentTasks: count(10, 1, 10_000, 'Tasks that run at the same time.'),
  taskQueueSize: count(100_000, 1, 10_000_000, 'Tasks that may wait; one more is refused.'),
  eventBufferSize: count(100, 1, 100_000, 'Events kept for a slow subscriber in memory.'),
  loadBalancingAlgorithm: {
    kind: 'choice',
    default: 'least-loaded' as LoadBalancingAlgorithm,
    choices: loadBalancingAlgorithms,
    doc: 'Who gets a task among the idle agents.',
  },
  enableAutoRecovery: {
    kind: 'flag',
    default: true,
    doc: 'Bring failed agents back by themselves.',
  },
  healthCheckIntervalMs: duration(
    30_000,
    100,
    day,
    'Time between two probes of an agent that works; one that rests is asked less often.',
  ),
  taskTimeoutMs: duration(3_600_000, 0, 30 * day, 'Limit of one attempt; 0 = none.'),
  stopGraceMs: duration(10_000, 0, 600_000, 'From asking a program to stop to killing it.'),
  drainTimeoutMs: duration(60_000, 0, day, 'How long a draining stop waits for running tasks.'),
  maxPromptBytes: count(1_048_576, 1, 16_777_216, 'Size of one prompt.'),
  outputLimitBytes: count(
    67_108_864,
    65_536,
    4_294_967_296,
    'Output kept of one attempt: its beginning and its end.',
  ),
  outputTailBytes: count(65_536, 1024, 1_048_576, 'Output that goes into the result.'),
  patienceCriticalMs: duration(-3_600_000, -30 * day, 30 * day, 'Rank offset of critical tasks.'),
  patienceHighMs: duration(60_000, -30 * day, 30 * day, 'Rank offset of high tasks.'),
  patienceNormalMs: duration(900_000, -30 * day, 30 * day, 'Rank offset of normal tasks.'),
  patienceLowMs: duration(14_400_000, -30 * day, 30 * day, 'Rank offset of low tasks.'),
  restartIntensity: count(
    5,
    1,
    1000,
    'Restarts of an agent host within the period before it is given up.',
  ),
  restartPeriodMs: duration(60_000, 1000, day, 'The period of restartIntensity.'),
  breakerMaxFailures: count(3, 1, 1000, 'Failures in a row that open a breaker.'),
  breakerResetMs: duration(
    30_000,
    10,
    day,
    'How long a breaker stays open before it lets probes through.',
  ),
  breakerHalfOpenTests: count(
    2,
    1,
    100,
    'Probes of a half-open breaker, and successes that close it.',
  ),
  programLimits: {
    kind: 'limits',
    default: {},
    doc: 'Tasks at the same time by program: { "claude": 4 }.',
  },
  labelLimits: {
    kind: 'limits',
    default: {},
    doc: 'Tasks at the same time by agent label: { "gpu": 1 }.',
  },
  maxLoadPerCore: count(
    8,
    0,
    10_000,
    'No new task above this load average per core; 0 = no limit.',
  ),
  minFreeMemoryBytes: count(
    268_435_456,
    0,
    1_099_511_627_776,
    'No new task with less free memory.',
  ),
  minFreeDiskBytes: count(536_870_912, 0, 1_099_511_627_776, 'No new task with less free disk.'),
  minFreeFiles: count(
    1000,
    0,
    1_000_000_000,
    'No new task when fewer files can be made (free inodes of the disk).',
  ),
  stallAfterMs: duration(
    600_000,
    0,
    day,
    'Without output and CPU for this long a task is stalled; 0 = never.',
  ),
  waitingTimeoutMs: duration(
    1_800_000,
    0,
    30 * day,
    'How long a program may wait for a person before waitingPolicy decides; 0 = for ever.',
  ),
  waitingPolicy: {
    kind: 'choice',
    default: 'escalate' as WaitingPolicy,
    choices: waitingPolicies,
    doc: 'When nobody answers: tell again, allow, deny, or fail the task.',
  },
  sampleIntervalMs: duration(
    5000,
    100,
    day,
    'Time between two samples of CPU and memory while tasks run.',
  ),
  taskMaxAttempts: count(
    20,
    1,
    10_000,
    'Starts of one task, counted or not, before a person is asked.',
  ),
  agentMaxMemoryBytes: count(
    0,
    0,
    2 ** 46,
    'Memory that each process of an agent may take (RLIMIT_DATA); 0 = no limit.',
  ),
  agentMaxProcesses: count(
    0,
    0,
    1_000_000,
    'Processes that your user may have when an agent starts one more (RLIMIT_NPROC); 0 = no limit.',
  ),
  agentMaxFileBytes: count(
    0,
    0,
    2 ** 46,
    'Size of a file that an agent may write (RLIMIT_FSIZE); 0 = no limit.',
  ),
  metricsListen: {
    kind: 'loopback',
    default: '' as string,
    doc: 'Serve the metrics without a token at this loopback address, like 127.0.0.1:9464; read at the start.',
  },
  backupIntervalMs: duration(day, 0, 30 * day, 'Time between two backups of the store; 0 = none.'),
  backupKeep: count(7, 1, 1000, 'Backups kept of those that were made by themselves.'),
  outputRetentionMs: duration(
    30 * day,
    0,
    3650 * day,
    'How long the output of an ended task is kept; 0 = for ever.',
  ),
  outputBudgetBytes: count(
    10_737_418_240,
    0,
    1_125_899_906_842_624,
    'Output kept in all; the oldest of ended tasks goes first; 0 = no limit.',
  ),
  taskRetentionMs: duration(
    90 * day,
    0,
    3650 * day,
    'How long an ended task is kept, its result and idempotency key with it; 0 = for ever.',
  ),
  eventRetention: count(100_000, 1000, 100_000_000, 'Events kept in the log, the newest.'),
  eventRetentionMs: duration(
    30 * day,
    0,
    3650 * day,
    'Age of the oldest event kept; 0 = no limit.',
  ),
  logLevel: {
    kind: 'choice',
    default: 'info' as LogLevel,
    choices: logLevels,
    doc: 'What the daemon writes into its log, and all that is worse.',
  },
  logFileBytes: count(10_485_760, 65_536, 1_073_741_824, 'Size at which the log is put aside.'),
  logFiles: count(5, 2, 100, 'Files of the log: the one that grows and those put aside.'),
  notifications: {
    kind: 'notifications',
    default: [] as readonly NotificationInput[],
    doc: 'Who is told of which events: [{ "on": ["TaskFailed"], "webhook": "https://…" }].',
  },
  notificationRetryMs: duration(
    5000,
    10,
    day,
    'Longest wait before a notification is tried again; four times as long after each further try.',
  ),
} as const satisfies Record<string, Field>

type Limits = Readonly<Record<string, number>>
type Widen<T> = T extends number
  ? number
  : T extends boolean
    ? boolean
    : T extends readonly unknown[]
      ? T
      : T extends object
        ? Limits
        : T

/** The settings of one squad. Defaults, units and meaning: `configTable`. */
export type Config = {
  -readonly [K in keyof typeof configTable]: Widen<(typeof configTable)[K]['default']>
}

const fields = Object.entries(configTable) as [keyof Config, Field][]

export const defaults = Object.freeze(
  Object.fromEntries(fields.map(([name, field]) => [name, field.default])),
) as Config

/**
 * Checks settings and fills in the defaults. A duration is a number of milliseconds or `30s`.
 * Throws SQUADD_BAD_CONFIG that names the key; an unknown key is refused with a suggestion.
 */
export function parseConfig(given: unknown): Config {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw badConfig('the configuration is not an object', 'write { "maxConcurrentTasks": 10 }')
  const config: Record<string, unknown> = { ...defaults }
  for (const [name, value] of Object.entries(given)) {
    if (name === '$schema') continue
    const field = (configTable as Record<string, Field>)[name]
    if (!Object.hasOwn(configTable, name) || !field)
      throw badConfig(`${name} is not a setting`, `did you mean ${nearest(name)}?`)
    config[name] = parseField(name, field, value)
  }
  return Object.freeze(config) as Config
}

/** The settings as they may be shown: addresses that are secrets are not among them. */
export const shownConfig = (config: Config): Config => ({
  ...config,
  notifications: config.notifications.map(shownNotification),
})

function parseField(name: string, field: Field, value: unknown): unknown {
  switch (field.kind) {
    case 'flag':
      if (typeof value === 'boolean') return value
      throw badConfig(`${name} ${JSON.stringify(value)} is not true or false`)
    case 'choice':
      if (field.choices.includes(value as string)) return value
      throw badConfig(
        `${name} ${JSON.stringify(value)} is unknown`,
        `use ${field.choices.join(', ')}`,
      )
    case 'loopback':
      if (value === '' || isLoopback(parseAddress(String(value))?.host ?? '')) return value
      throw badConfig(
        `${name} ${JSON.stringify(value)} is not a loopback address`,
        'write 127.0.0.1:9464; other addresses need --listen and the token',
      )
    case 'limits':
      if (isLimits(value)) return Object.freeze({ ...value })
      throw badConfig(
        `${name} ${JSON.stringify(value)} is not a set of limits`,
        'write { "name": 2 }, whole numbers from 0 on',
      )
    case 'notifications':
      readNotifications(value)
      return Object.freeze(value)
    case 'count':
    case 'duration': {
      const number =
        field.kind === 'duration' && typeof value === 'string' ? toMs(value, name) : value
      if (
        Number.isSafeInteger(number) &&
        Number(number) >= field.min &&
        Number(number) <= field.max
      )
        return number
      throw badConfig(
        `${name} ${JSON.stringify(value)} is out of range`,
        `use ${field.min} to ${field.max}${field.kind === 'duration' ? ' ms' : ''}`,
      )
    }
  }
}

function isLimits(value: unknown): value is Limits {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) => Number.isSafeInteger(one) && Number(one) >= 0)
}

function toMs(text: string, name: string): number {
  try {
    return text.startsWith('-') ? -parseDuration(text.slice(1), name) : parseDuration(text, name)
  } catch {
    throw badConfig(
      `${name} ${JSON.stringify(text)} is not a duration`,
      'write 500ms, 30s, 5m or 2h',
    )
  }
}

function badConfig(message: string, hint?: string): SquadError {
  return new SquadError('SQUADD_BAD_CONFIG', message, hint ? { hint } : {})
}

/** The candidate with the smallest edit distance. */
export function nearest(
  word: string,
  candidates: readonly string[] = Object.keys(configTable),
): string {
  const scored = candidates.map(
    (one) => [distance(word.toLowerCase(), one.toLowerCase()), one] as const,
  )
  return scored.sort((a, b) => a[0] - b[0])[0]?.[1] ?? ''
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      )
    row = next
  }
  return row[b.length]!
}
