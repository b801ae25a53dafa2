import type { StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'
import { SquadError } from '../domain/error.ts'
import type { Op, Row } from './statement.ts'

/** One connection to a SQLite file: runs ops at once, and keeps each statement it has prepared. */
export class Connection {
  readonly file: string
  readonly prepared = new Map<string, StatementSync>()
  readonly #database: DatabaseSync

  /** Throws SQUADD_STORE_FAILED or SQUADD_STORE_CORRUPT, as all that follow. */
  constructor(file: string, { readOnly }: { readOnly: boolean }) {
    this.file = file
    this.#database = this.#guard(
      () => new DatabaseSync(file, { readOnly, enableForeignKeyConstraints: false, timeout: 2000 }),
    )
  }

  /** Runs an op to its end. An error leaves it where it is: the caller rolls back. */
  run<T>(op: Op<T>): T {
    return this.#guard(() => {
      let step = op.next()
      while (!step.done) {
        const [sql, parameters] = step.value
        step = op.next(this.#prepare(sql).all(...parameters) as Row[])
      }
      return step.value
    })
  }

  /** Runs one statement that has neither parameters nor rows. */
  command(sql: string): void {
    this.#guard(() => this.#prepare(sql).run())
  }

  /** Runs a script, unprepared. */
  exec(sql: string): void {
    this.#guard(() => this.#database.exec(sql))
  }

  /** False after an error that made SQLite roll the whole transaction back. */
  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  close(): void {
    this.prepared.clear()
    this.#guard(() => this.#database.close())
  }

  #prepare(sql: string): StatementSync {
    const known = this.prepared.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    this.prepared.set(sql, statement)
    return statement
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw storeError(error, this.file)
    }
  }
}

// The low byte is the kind, see sqlite.org/rescode.html.
const kind = { busy: 5, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cantOpen: 14, notADb: 26 }

const hints: Record<number, string> = {
  [kind.busy]: 'another program holds a lock on it: close that one',
  [kind.readOnly]: 'make the file and its folder writable',
  [kind.ioError]: 'look at the disk and the kernel log',
  [kind.full]: 'free space on that disk',
  [kind.cantOpen]: 'look at the folder, its permissions and the number of open files',
}

/** What SQLite said, as an error that names the file and what to do. */
export function storeError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error
  const errcode = Number(error.errcode)
  const code = errcode & 0xff
  if (code === kind.corrupt || code === kind.notADb) return corrupt(file, error.message, error)
  const hint = hints[code]
  return new SquadError(
    'SQUADD_STORE_FAILED',
    `the store ${file} failed: ${error.message} (SQLite ${errcode})`,
    { file, errcode, ...(hint ? { hint } : {}) },
    error,
  )
}

export function corrupt(file: string, problem: string, cause?: unknown): SquadError {
  return new SquadError(
    'SQUADD_STORE_CORRUPT',
    `the store ${file} cannot be used: ${problem}`,
    {
      file,
      hint: 'it was left as it is; squadd doctor --repair puts the newest good backup in its place',
    },
    cause,
  )
}
