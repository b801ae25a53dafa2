import { SquadError } from '../domain/error.ts'
import type { Meter, StoreErrorKind, StoreOperation } from '../domain/meter.ts'
import type { Store } from '../domain/ports.ts'
import type { Task } from '../domain/task.ts'

/** What each call counts as; the others are not measured. */
const operations: Partial<Record<keyof Store, StoreOperation>> = {
  enqueue: 'enqueue',
  claim: 'claim',
  record: 'record',
  promote: 'promote',
  cancel: 'control',
  askStop: 'control',
  release: 'control',
  retry: 'control',
  addAgent: 'agent',
  updateAgent: 'agent',
  removeAgent: 'agent',
  append: 'event',
  trimEvents: 'event',
  note: 'note',
  task: 'read',
  tasks: 'read',
  eventsSince: 'read',
}

/** The same store, measured. Its promises are the store's own: whoever waits goes on no later. */
export function metered(store: Store, meter: Meter): Store {
  const measured = Object.entries(operations).map(([name, operation]) => {
    const call = store[name as keyof Store] as (...given: unknown[]) => unknown
    return [
      name,
      (...given: unknown[]) => {
        const began = performance.now()
        const done = (answer: unknown) => {
          const ms = performance.now() - began
          meter.stored(operation, ms)
          if (name === 'claim' && (answer as Task[]).length > 0) meter.dispatched('claim', ms)
        }
        const failed = (error: unknown) => {
          const kind = kindOf(error)
          if (kind !== null) meter.storeFailed(kind)
          meter.stored(operation, performance.now() - began)
        }
        try {
          const answer = call(...given)
          if (answer instanceof Promise) answer.then(done, failed)
          else done(answer)
          return answer
        } catch (error) {
          failed(error)
          throw error
        }
      },
    ]
  })
  return { ...store, ...(Object.fromEntries(measured) as Partial<Store>) }
}

// The low byte is the kind, see sqlite.org/rescode.html.
const kinds: Record<number, StoreErrorKind> = { 5: 'busy', 8: 'read_only', 10: 'io', 13: 'full' }

/** What is wrong with the store itself; null when the caller asked for what cannot be. */
function kindOf(error: unknown): StoreErrorKind | null {
  if (!(error instanceof SquadError)) return null
  if (error.code === 'SQUADD_STORE_CORRUPT') return 'corrupt'
  if (error.code !== 'SQUADD_STORE_FAILED') return null
  return kinds[Number(error.data['errcode']) & 0xff] ?? 'other'
}
