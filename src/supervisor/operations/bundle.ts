import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { messageOf, SquadError } from '../domain/error.ts'
import { redactAll } from '../domain/redact.ts'
import { row, rows } from '../store/statement.ts'
import { listBackups } from './backups.ts'
import type { Finding } from './doctor.ts'
import { tailOf } from './log-tail.ts'
import type { Place } from './place.ts'
import { settingsOf } from './place.ts'
import { reading } from './store-view.ts'

const newestLines = 1000
const newestEvents = 300

/**
 * Writes what a report of a problem needs into a new file of mode 0600: versions, settings, checks,
 * the shape of the store, the end of the log and of what was printed. No prompt and no output of a task, no value of the
 * environment; every text without what looks like a secret. Throws SQUADD_INVALID when the file
 * cannot be made.
 */
export async function writeBundle(
  file: string,
  place: Place,
  findings: readonly Finding[],
): Promise<void> {
  const { home, store, version, daemon, now, env } = place
  const agents = (store?.agents ?? []).map(({ key, goal, failure, spec }) => ({
    ...{ key, goal, failure, program: spec.program, mode: spec.mode },
    ...{ permission: spec.permission, trust: spec.trust, variables: Object.keys(spec.env) },
  }))
  const bundle = {
    at: new Date(now).toISOString(),
    versions: { squadd: version, daemon: daemon?.version ?? null, node: process.version },
    system: { platform: process.platform, arch: process.arch, release: release() },
    environment: Object.keys(env).sort(),
    settings: settingsOf(place),
    checks: findings,
    store: store && { ...store, agents },
    tables: place.hasStore ? await attempt(() => shapeOf(home.storeFile)) : null,
    events: place.hasStore ? await attempt(() => eventsOf(home.storeFile)) : null,
    backups: listBackups(home),
    log: await attempt(() => tailOf(home.logFile, newestLines)),
    printed: await attempt(() => tailOf(home.printFile, newestLines)),
  }
  try {
    writeFileSync(file, `${JSON.stringify(redactAll(bundle), null, 2)}\n`, {
      mode: 0o600,
      flag: 'wx',
    })
  } catch (error) {
    const problem = messageOf(error)
    throw new SquadError('SQUADD_INVALID', `--bundle ${file} cannot be written: ${problem}`, {
      hint: 'name a new file in a folder that is there',
    })
  }
}

async function attempt<T>(read: () => T | Promise<T>): Promise<T | string> {
  try {
    return await read()
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`
  }
}

/** Each table: how it was made, and how many rows it has. */
function shapeOf(file: string): Record<string, { sql: string; rows: number }> {
  return reading(file, (connection) => {
    const tables = connection.run(
      rows<{ name: string; sql: string }>(
        `select name, sql from sqlite_schema where type = 'table' and sql is not null order by name`,
      ),
    )
    const counted = tables.map(({ name, sql }) => {
      const quoted = name.replaceAll('"', '""')
      const found = connection.run(row<{ n: number }>(`select count(*) as n from "${quoted}"`))
      return [name, { sql, rows: found?.n ?? 0 }]
    })
    return Object.fromEntries(counted) as Record<string, { sql: string; rows: number }>
  })
}

/** What happened last, without the words of people or programs. */
const eventsOf = (file: string): unknown =>
  reading(file, (connection) =>
    connection.run(
      rows(
        `select seq, at, type, agent, task, json_extract(data, '$.outcome') as outcome,
           json_extract(data, '$.cause') as cause, json_extract(data, '$.to') as "to"
         from event order by seq desc limit ?1`,
        newestEvents,
      ),
    ),
  )
