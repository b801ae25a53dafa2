import { statSync } from 'node:fs'
import { messageOf } from '../domain/error.ts'
import type { AgentRecord } from '../domain/agent.ts'
import type { TaskState } from '../domain/task.ts'
import { agents } from '../store/agents.ts'
import { applicationId } from '../store/schema.ts'
import { Connection } from '../store/sqlite.ts'
import type { Op } from '../store/statement.ts'
import { row, rows } from '../store/statement.ts'
import { taskCounts } from '../store/task-row.ts'

/** A store file as it is at one moment, read beside whoever writes it. */
export type StoreView = {
  schema: number
  instanceId: string
  agents: AgentRecord[]
  /** When the newest event was recorded, ms since 1970. */
  newestAt: number | null
  newestEvent: number
  /** The number of the newest task that was ever stored. */
  newestTask: number
  tasks: Partial<Record<TaskState, number>>
}

/** A read-only connection for as long as `read` takes; it changes no byte. */
export function reading<T>(file: string, read: (connection: Connection) => T): T {
  const connection = new Connection(file, { readOnly: true })
  try {
    return read(connection)
  } finally {
    connection.close()
  }
}

/** Throws SQUADD_STORE_CORRUPT, SQUADD_STORE_FAILED. */
export const viewStore = (file: string): StoreView =>
  reading(file, (connection) => connection.run(view()))

function* view(): Op<StoreView> {
  const version = yield* row<{ user_version: number }>('pragma user_version')
  const instance = yield* row<{ value: string }>(`select value from meta where name = 'instance'`)
  const newest = yield* row<{ seq: number; at: number }>(
    'select seq, at from event order by seq desc limit 1',
  )
  const task = yield* row<{ seq: number }>(`select seq from sqlite_sequence where name = 'task'`)
  return {
    schema: version?.user_version ?? 0,
    instanceId: instance?.value ?? '',
    agents: yield* agents(),
    newestAt: newest?.at ?? null,
    newestEvent: newest?.seq ?? 0,
    newestTask: task?.seq ?? 0,
    tasks: yield* taskCounts(),
  }
}

/**
 * What is wrong with a store file, or null. `quick` looks at every page, else at every index too.
 * It takes as long as reading the whole file.
 */
export function damageOf(file: string, how: 'quick' | 'whole' = 'quick'): string | null {
  try {
    if (statSync(file).size === 0) return 'the file is empty'
    return reading(file, (connection) => {
      const application = connection.run(
        row<{ application_id: number }>('pragma application_id'),
      )?.application_id
      if (application !== applicationId) return `it is not a store of squadd (${application})`
      const pragma = how === 'quick' ? 'quick_check' : 'integrity_check'
      const found = connection.run(rows<Record<string, string>>(`pragma ${pragma}(3)`))
      const problems = found.map((one) => String(one[pragma])).filter((text) => text !== 'ok')
      return problems.length === 0 ? null : problems.join('; ').replaceAll('\n', ' ')
    })
  } catch (error) {
    return messageOf(error)
  }
}
