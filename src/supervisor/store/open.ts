import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'
import { SquadError } from '../domain/error.ts'
import type { Store } from '../domain/ports.ts'
import { failing } from '../failpoint/failpoint.ts'
import { copyBefore } from './backup.ts'
import { GroupCommit, shuttingDown } from './group-commit.ts'
import { applicationId, migrations, sqliteDialect } from './schema.ts'
import { Connection, corrupt } from './sqlite.ts'
import { row, rows } from './statement.ts'
import { createStore } from './store.ts'
import type { Settings } from './transaction.ts'

export type SqliteOptions = Settings & {
  /** Path of the store file, made when missing; `:memory:` keeps nothing. */
  file: string
  /** When it is opened, ms since 1970: noted in a new store. */
  now: number
}

const steps = migrations(sqliteDialect)

// Reading a larger one would delay the start: its backups are what is checked.
const checkedAtOpen = 256 * 1024 ** 2

/**
 * Opens the store, or makes it, with mode 0600. Every acknowledged write survives a power loss.
 * Throws SQUADD_STORE_CORRUPT (and leaves the file as it was) when it is damaged, of another
 * program or of a newer squadd; SQUADD_STORE_FAILED when it cannot be opened or written. An older
 * one is copied into the folder `backups` beside it, then brought up to date.
 */
export function openSqliteStore(options: SqliteOptions): Store {
  const writer = openFile(options.file, options.now)
  try {
    return overSqlite(writer, options)
  } catch (error) {
    writer.close()
    throw error
  }
}

/** The connection that writes: to a file that is ours, durable at each commit, up to date. */
export function openFile(file: string, now: number): Connection {
  if (file !== ':memory:') prepareFile(file)
  const connection = new Connection(file, { readOnly: false })
  try {
    tune(connection)
    const version = numberOf(connection, 'user_version')
    if (version > 0 && version < steps.length) copyBefore(steps.length, connection, now)
    migrate(connection, steps, now)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** The store over an open connection; reads of a file get a connection of their own. */
export function overSqlite(writer: Connection, settings: Settings): Store {
  const instance = writer.run(
    row<{ value: string }>(`select value from meta where name = 'instance'`),
  )
  if (!instance) throw corrupt(writer.file, 'it has no instance id')
  const reader =
    writer.file === ':memory:' ? writer : new Connection(writer.file, { readOnly: true })
  const group = new GroupCommit(writer)
  return createStore(
    {
      write: (work) => group.write(work),
      read(op) {
        if (!reader.isOpen) throw shuttingDown()
        return reader.run(op)
      },
      onCommitted: (listener) => group.onCommitted(listener),
      async close() {
        if (!writer.isOpen) return
        group.close()
        if (reader !== writer) reader.close()
        try {
          writer.exec('pragma wal_checkpoint(truncate)')
        } finally {
          writer.close()
        }
      },
    },
    instance.value,
    settings,
  )
}

/** Looks at what is there before anything of it could change, and makes an empty file if nothing. */
function prepareFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found && !found.isFile()) throw unusable(file, 'it is not a file', 'name one')
  if (found && found.size > 0) {
    inspect(file, found.size)
    chmodSync(file, 0o600)
    return
  }
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })
  if (log && log.size > 0) throw corrupt(file, 'it is empty, but its write-ahead log is not')
  try {
    closeSync(openSync(file, 'a', 0o600))
  } catch (cause) {
    throw unusable(file, String(cause), 'make its folder, writable for you', cause)
  }
}

const unusable = (file: string, problem: string, hint: string, cause?: unknown): SquadError =>
  new SquadError(
    'SQUADD_STORE_FAILED',
    `the store ${file} cannot be opened: ${problem}`,
    { file, hint },
    cause,
  )

/** A read-only connection changes no byte; only an interrupted first start has to be undone. */
function inspect(file: string, bytes: number): void {
  const connection = new Connection(file, { readOnly: !existsSync(`${file}-journal`) })
  try {
    const application = numberOf(connection, 'application_id')
    const version = numberOf(connection, 'user_version')
    const tables = connection.run(row<{ n: number }>('select count(*) as n from sqlite_schema'))!.n
    const untouched = application === 0 && version === 0 && tables === 0
    if (application !== applicationId && !untouched)
      throw corrupt(file, `it belongs to another program (application id ${application})`)
    if (version > steps.length) throw newer(file, version)
    if (bytes <= checkedAtOpen) refuseDamaged(connection)
  } finally {
    connection.close()
  }
}

/** A page that was overwritten is found now, not when a task needs it. */
function refuseDamaged(connection: Connection): void {
  const found = connection.run(row<{ quick_check: string }>('pragma quick_check(1)'))
  const problem = found?.quick_check.replaceAll('\n', ' ')
  if (problem !== 'ok') throw corrupt(connection.file, `it is damaged: ${problem}`)
}

const newer = (file: string, version: number): SquadError =>
  new SquadError(
    'SQUADD_STORE_CORRUPT',
    `the store ${file} has version ${version}, this squadd knows up to ${steps.length}`,
    { file, version, known: steps.length, hint: 'start the newer squadd that wrote it' },
  )

function tune(connection: Connection): void {
  const { file } = connection
  const journal = connection.run(row<{ journal_mode: string }>('pragma journal_mode = wal'))
  if (journal?.journal_mode !== 'wal' && file !== ':memory:')
    throw unusable(file, 'it cannot have a write-ahead log there', 'put it on a local disk')
  connection.exec(`
    pragma synchronous = full;
    pragma wal_autocheckpoint = 4000;
    pragma journal_size_limit = 67108864;
    pragma cache_size = -16384;
    pragma temp_store = memory;
  `)
}

/** Brings the tables up to date, one transaction a step: a step that fails changes nothing. */
export function migrate(connection: Connection, steps: readonly string[], now: number): void {
  for (let version = numberOf(connection, 'user_version'); version < steps.length; version += 1) {
    connection.exec('begin immediate')
    try {
      failing('store.migrate', () => connection.exec(steps[version]!))
      if (version === 0) christen(connection, now)
      connection.exec(`pragma user_version = ${version + 1}; commit`)
    } catch (error) {
      if (connection.inTransaction) connection.exec('rollback')
      throw error
    }
  }
}

function christen(connection: Connection, now: number): void {
  connection.exec(`pragma application_id = ${applicationId}`)
  const insert = 'insert into meta(name, value) values (?1, ?2)'
  connection.run(rows(insert, 'instance', randomBytes(6).toString('hex')))
  connection.run(rows(insert, 'createdAt', String(now)))
}

function numberOf(connection: Connection, pragma: 'application_id' | 'user_version'): number {
  return connection.run(row<Record<string, number>>(`pragma ${pragma}`))![pragma]!
}
