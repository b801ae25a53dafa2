import { JobHeap } from './job-heap.ts'

/** What waits is its own place in the lane of a named priority: it can leave from anywhere at once. */
export type Waiting<J> = {
  readonly priority: number
  /** Grows with each job: the lower goes first. */
  readonly number: number
  /** Where it waits; null when it does not. */
  lane: Lane<J> | null
  previous: J | null
  next: J | null
}

/** What waits under one of the named priorities, oldest first. */
export type Lane<J> = {
  readonly priority: number
  first: J | null
  last: J | null
}

const laneOf = <J>(priority: number): Lane<J> => ({ priority, first: null, last: null })

// What has left the heap is cleared away when it is as much as the rest, and more than this.
const fewLeft = 64

/**
 * The highest priority first, within equal ones the oldest. Push, shift and remove cost the same
 * whatever waits for the `named` priorities; for any other at most the logarithm of the number of jobs
 * that wait under others.
 */
export class JobQueue<J extends Waiting<J>> {
  readonly #named: readonly Lane<J>[]
  /** Marks those that wait in the heap. One that leaves from within is passed over when it comes up. */
  readonly #others = laneOf<J>(NaN)
  readonly #heap = new JobHeap<J>()
  #left = 0
  #size = 0

  constructor(named: readonly number[] = []) {
    this.#named = named.toSorted((a, b) => b - a).map((priority) => laneOf<J>(priority))
  }

  get size(): number {
    return this.#size
  }

  /** The one that is to go next. */
  get first(): J | undefined {
    const top = this.#top()
    for (const { first } of this.#named)
      if (first) return top && top.priority > first.priority ? top : first
    return top
  }

  push(job: J): void {
    const lane = this.#laneFor(job)
    if (lane === this.#others) this.#wait(job)
    else this.#insert(job, lane, lane.last, null)
  }

  /** Puts one that `shift` had taken out where it had been: not far from the front. */
  putBack(job: J): void {
    const lane = this.#laneFor(job)
    if (lane === this.#others) return this.#wait(job)
    let next = lane.first
    while (next && next.number < job.number) next = next.next
    this.#insert(job, lane, next ? next.previous : lane.last, next)
  }

  /** Takes out the one that is to go next. */
  shift(): J | undefined {
    const job = this.first
    if (job) this.remove(job)
    return job
  }

  /** Whether it was in the queue. What leaves from within does not come back. */
  remove(job: J): boolean {
    const { lane } = job
    if (!lane) return false
    job.lane = null
    this.#size -= 1
    if (lane === this.#others) this.#leave(job)
    else unlink(job, lane)
    return true
  }

  #laneFor({ priority }: J): Lane<J> {
    for (const lane of this.#named) if (lane.priority === priority) return lane
    return this.#others
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

  #wait(job: J): void {
    job.lane = this.#others
    this.#heap.add(job)
    this.#size += 1
  }

  #leave(job: J): void {
    if (this.#heap.top === job) return this.#heap.removeTop()
    this.#left += 1
    if (this.#left <= fewLeft || 2 * this.#left < this.#heap.size) return
    this.#heap.retain(({ lane }) => lane !== null)
    this.#left = 0
  }

  /** The best of the others. */
  #top(): J | undefined {
    let { top } = this.#heap
    while (top && !top.lane) {
      this.#heap.removeTop()
      this.#left -= 1
      ;({ top } = this.#heap)
    }
    return top
  }
}

function unlink<J extends Waiting<J>>(job: J, lane: Lane<J>): void {
  const { previous, next } = job
  if (previous) previous.next = next
  else lane.first = next
  if (next) next.previous = previous
  else lane.last = previous
  job.previous = job.next = null
}
