import { join } from 'node:path'
import { peer } from '../peer.ts'
import type { QueueCandidate } from './candidate.ts'
import { prompt, stepByStep } from './candidate.ts'

type Database = { pragma(text: string): unknown }
type Queue = {
  add(type: string, data: unknown): { id: number }
  addMany(type: string, data: unknown[]): unknown
  getAndMarkJobAsProcessing(type: string): { id: number }
  markJobAsDone(id: number): void
  close(): void
}
type Plainjob = {
  better: (database: Database) => object
  defineQueue: (options: object) => Queue
}

const data = { prompt }
const silent = { error() {}, warn() {}, info() {}, debug() {} }

/**
 * plainjob on SQLite. As it comes it syncs nothing but checkpoints (`synchronous = normal`): a power
 * loss may take the last jobs. With `isDurable` it is made to sync each commit, as squadd does. It
 * keeps no result and no history.
 */
export async function plainjob(dir: string, isDurable: boolean): Promise<QueueCandidate> {
  const sqlite = await peer<{ default: new (file: string) => Database }>('better-sqlite3')
  const { better, defineQueue } = await peer<Plainjob>('plainjob')
  const database = new sqlite.default(join(dir, 'plainjob.db'))
  const queue = defineQueue({ connection: better(database), logger: silent })
  if (isDurable) database.pragma('synchronous = full')
  const steps = {
    add: async () => queue.add('task', data),
    take: async () => queue.getAndMarkJobAsProcessing('task').id,
    done: async (id: unknown) => queue.markJobAsDone(id as number),
  }
  return {
    ...steps,
    pass: stepByStep(steps),
    name: isDurable ? 'plainjob, durable' : 'plainjob, not power-safe',
    async fill(count) {
      queue.addMany(
        'task',
        Array.from({ length: count }, () => data),
      )
    },
    close: async () => queue.close(),
  }
}
