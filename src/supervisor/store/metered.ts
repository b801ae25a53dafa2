import { SquadError } from '../domain/error.ts'
import type { Meter, StoreErrorKind, StoreOperation } from '../domain/meter.ts'
import type { Store } from '../domain/ports.ts'

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

/** The same store, measured. */
export function metered(store: Store, meter: Meter): Store {
  const measured = Object.entries(operations).map(([name, operation]) => {
    const call = store[name as keyof Store] as (...given: unknown[]) => unknown
    return [
      name,
      (...given: unknown[]) => {
        const began = performance.now()
        const done = () => meter.stored(operation, performance.now() - began)
        const failed = (error: unknown) => {
          const kind = kindOf(error)
          if (kind !== null) meter.storeFailed(kind)
          throw error
        }
        try {
          const answer = call(...given)
          if (!(answer instanceof Promise)) return answer
          return answer.catch(failed).finally(done)
        } catch (error) {
          return failed(error)
        } finally {
          if (operation === 'read') done()
        }
      },
    ]
  })
  const claim: Store['claim'] = async (...given) => {
    const began = performance.now()
    const tasks = await measuredStore.claim(...given)
    if (tasks.length > 0) meter.dispatched('claim', performance.now() - began)
    return tasks
  }
  const measuredStore = { ...store, ...(Object.fromEntries(measured) as Partial<Store>) }
  return { ...measuredStore, claim }
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
