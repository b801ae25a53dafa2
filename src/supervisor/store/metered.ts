import { SquadError } from '../domain/error.ts'
import type { Meter, StoreErrorKind, StoreOperation } from '../domain/meter.ts'
import type { Store } from '../domain/ports.ts'
import type { Task } from '../domain/task.ts'
import { kindOfCode, resultCodes } from './result-codes.ts'

type Call = Exclude<keyof Store, 'instanceId' | 'onCommitted' | 'close'>

/** What each call counts as: all of them, so that none fails unseen. */
const operations: Record<Call, StoreOperation> = {
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
  note: 'note',
  takeNotices: 'notice',
  settleNotice: 'notice',
  giveUpNotices: 'notice',
  forget: 'trim',
  trimEvents: 'trim',
  task: 'read',
  tasks: 'read',
  taskCounts: 'read',
  oldestReadyAt: 'read',
  readyByPriority: 'read',
  urgent: 'read',
  ahead: 'read',
  parents: 'read',
  notes: 'read',
  agents: 'read',
  eventsSince: 'read',
  eventRange: 'read',
  waitingNotices: 'read',
  counters: 'read',
}

/** The same store, measured. Its promises are the store's own: whoever waits goes on no later. */
export function metered(store: Store, meter: Meter): Store {
  const measured = Object.entries(operations).map(([name, operation]) => {
    const call = store[name as Call] as (...given: unknown[]) => unknown
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

const kinds: Record<number, StoreErrorKind> = {
  [resultCodes.busy]: 'busy',
  [resultCodes.readOnly]: 'read_only',
  [resultCodes.ioError]: 'io',
  [resultCodes.full]: 'full',
}

/** What is wrong with the store itself; null when the caller asked for what cannot be. */
function kindOf(error: unknown): StoreErrorKind | null {
  if (!(error instanceof SquadError)) return null
  if (error.code === 'SQUADD_STORE_CORRUPT') return 'corrupt'
  if (error.code !== 'SQUADD_STORE_FAILED') return null
  return kinds[kindOfCode(Number(error.data['errcode']))] ?? 'other'
}
