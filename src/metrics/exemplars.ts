import type { SquadEvent } from '../supervisor/domain/event.ts'
import type { TotalName } from '../supervisor/domain/totals.ts'
import { totalsOf } from '../supervisor/domain/totals.ts'
import type { Exemplar } from './series.ts'
import { totalKey } from './facts.ts'

/** Of which events the length is, and under which name it is in them. */
const lengths: Partial<Record<TotalName, string>> = {
  queue_wait: 'waitMs',
  task_duration: 'durationMs',
}

const named = Object.values(lengths)

/** The newest task in each bucket of the histograms that name tasks. */
export function createExemplars() {
  const newest = new Map<string, Exemplar>()
  return {
    take(event: SquadEvent): void {
      const { taskId, at, data } = event
      if (taskId === undefined || !named.some((name) => name in data)) return
      for (const { name, label } of totalsOf(event)) {
        const length = lengths[name]
        if (length === undefined || label.endsWith('sum')) continue
        const value = Math.max(0, Number(data[length])) / 1000
        newest.set(totalKey(name, label), { taskId, value, at: at / 1000 })
      }
    },
    /** `key`: of the bucket, as the totals have it. */
    of: (key: string) => newest.get(key),
  }
}

export type Exemplars = ReturnType<typeof createExemplars>
