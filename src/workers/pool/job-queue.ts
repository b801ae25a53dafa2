import { LaneHeap } from './lane-heap.ts'

/** What waits is its own place in the queue: it can leave from anywhere at once. */
export type Waiting<J> = {
  readonly priority: number
  lane: Lane<J> | null
  previous: J | null
  next: J | null
}

/** All that waits under one priority, oldest first. */
export type Lane<J> = {
  readonly priority: number
  first: J | null
  last: J | null
  /** Where it is in the heap. */
  index: number
}

const laneOf = <J>(priority: number): Lane<J> => ({ priority, first: null, last: null, index: -1 })

/**
 * The highest priority first, within equal ones the oldest. Push, shift and remove cost the same
 * whatever waits for the `named` priorities; for any other at most the logarithm of the number of
 * different priorities that wait.
 */
export class JobQueue<J extends Waiting<J>> {
  readonly #named: readonly Lane<J>[]
  readonly #others = new Map<number, Lane<J>>()
  readonly #heap = new LaneHeap<Lane<J>>()
  #size = 0

  constructor(named: readonly number[] = []) {
    this.#named = named.toSorted((a, b) => b - a).map((priority) => laneOf<J>(priority))
  }

  get size(): number {
    return this.#size
  }

  push(job: J): void {
    const lane = this.#lane(job.priority)
    job.lane = lane
    job.previous = lane.last
    if (lane.last) lane.last.next = job
    else lane.first = job
    lane.last = job
    this.#size += 1
  }

  /** Takes out the one that is to go next. */
  shift(): J | undefined {
    const job = this.#best()
    if (!job) return undefined
    this.remove(job)
    return job
  }

  /** Whether it was in the queue. */
  remove(job: J): boolean {
    const { lane, previous, next } = job
    if (!lane) return false
    if (previous) previous.next = next
    else lane.first = next
    if (next) next.previous = previous
    else lane.last = previous
    job.lane = job.previous = job.next = null
    this.#size -= 1
    if (!lane.first && lane.index >= 0) {
      this.#heap.remove(lane)
      this.#others.delete(lane.priority)
    }
    return true
  }

  #lane(priority: number): Lane<J> {
    for (const lane of this.#named) if (lane.priority === priority) return lane
    let lane = this.#others.get(priority)
    if (!lane) {
      lane = laneOf(priority)
      this.#others.set(priority, lane)
      this.#heap.add(lane)
    }
    return lane
  }

  #best(): J | null {
    const top = this.#heap.top
    for (const lane of this.#named)
      if (lane.first) return top && top.priority > lane.priority ? top.first : lane.first
    return top?.first ?? null
  }
}
