import { NumberHeap } from './number-heap.ts'

/** What waits is its own place in the queue: it can leave from anywhere at once. */
export type Waiting<J> = {
  readonly priority: number
  /** Grows with each job: the lower goes first. */
  readonly number: number
  lane: Lane<J> | null
  previous: J | null
  next: J | null
}

/** All that waits under one priority, oldest first. */
export type Lane<J> = {
  readonly priority: number
  first: J | null
  last: J | null
  readonly isNamed: boolean
}

const laneOf = <J>(priority: number, isNamed: boolean): Lane<J> => ({
  ...{ priority, isNamed },
  first: null,
  last: null,
})

// Lanes that are empty are cleared away when they are as many as the others, and more than this.
const fewLanes = 64

/**
 * The highest priority first, within equal ones the oldest. Push, shift and remove cost the same
 * whatever waits for the `named` priorities; for any other at most the logarithm of the number of
 * different priorities that wait, on average.
 */
export class JobQueue<J extends Waiting<J>> {
  readonly #named: readonly Lane<J>[]
  readonly #others = new Map<number, Lane<J>>()
  /** The priorities of the others. */
  readonly #heap = new NumberHeap()
  #emptyLanes = 0
  #size = 0

  constructor(named: readonly number[] = []) {
    this.#named = named.toSorted((a, b) => b - a).map((priority) => laneOf<J>(priority, true))
  }

  get size(): number {
    return this.#size
  }

  /** The one that is to go next. */
  get first(): J | undefined {
    return this.#best() ?? undefined
  }

  push(job: J): void {
    const lane = this.#lane(job.priority)
    this.#insert(job, lane, lane.last, null)
  }

  /** Puts one that was taken out where it had been: not far from the front. */
  putBack(job: J): void {
    const lane = this.#lane(job.priority)
    let next = lane.first
    while (next && next.number < job.number) next = next.next
    this.#insert(job, lane, next ? next.previous : lane.last, next)
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
    if (!lane.first && !lane.isNamed) this.#emptied()
    return true
  }

  #insert(job: J, lane: Lane<J>, previous: J | null, next: J | null): void {
    job.lane = lane
    job.previous = previous
    job.next = next
    if (previous) previous.next = job
    else lane.first = job
    if (next) next.previous = job
    else lane.last = job
    this.#size += 1
  }

  #lane(priority: number): Lane<J> {
    for (const lane of this.#named) if (lane.priority === priority) return lane
    let lane = this.#others.get(priority)
    if (!lane) {
      lane = laneOf(priority, false)
      this.#others.set(priority, lane)
      this.#heap.add(priority)
    } else if (!lane.first) this.#emptyLanes -= 1
    return lane
  }

  #best(): J | null {
    const top = this.#top()
    for (const lane of this.#named)
      if (lane.first) return top && top.priority > lane.priority ? top.first : lane.first
    return top?.first ?? null
  }

  /** The best of the others. Empty ones that come up on the way are done with. */
  #top(): Lane<J> | null {
    for (let top = this.#heap.top; top !== undefined; top = this.#heap.top) {
      const lane = this.#others.get(top)!
      if (lane.first) return lane
      this.#heap.removeTop()
      this.#others.delete(top)
      this.#emptyLanes -= 1
    }
    return null
  }

  #emptied(): void {
    this.#emptyLanes += 1
    if (this.#emptyLanes <= fewLanes || 2 * this.#emptyLanes < this.#heap.size) return
    this.#heap.retain((priority) => this.#others.get(priority)?.first !== null)
    for (const [priority, lane] of this.#others) if (!lane.first) this.#others.delete(priority)
    this.#emptyLanes = 0
  }
}
