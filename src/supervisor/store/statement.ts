export type Value = string | number | null

/** One line of an answer, by column name. */
export type Row = Readonly<Record<string, Value>>

/** SQL with `?1` style parameters: each runner writes them as its engine likes. */
export type Statement = readonly [sql: string, parameters: readonly Value[]]

/**
 * A rule of the queue, as the statements it needs: it yields one, is given its rows, and goes on.
 * It knows neither engine nor clock, so that every engine runs the same rules.
 */
export type Op<T> = Generator<Statement, T, readonly Row[]>

/** All rows of a statement. `R` says what its columns are; nothing checks that. */
export function* rows<R>(sql: string, ...parameters: Value[]): Op<readonly R[]> {
  return (yield [sql, parameters]) as readonly R[]
}

/** The first row of a statement, if there is one. */
export function* row<R>(sql: string, ...parameters: Value[]): Op<R | undefined> {
  return ((yield [sql, parameters]) as readonly R[])[0]
}
