/** What orders a job: the higher priority first, then the lower number. */
export type Ranked = { readonly priority: number; readonly number: number }

// Four below each: the way down is half as long as with two, and what is compared lies together.
const below = 4

/**
 * A heap of jobs, the first to go on top. What is compared lies in arrays of numbers beside the jobs:
 * a long queue is ordered without touching the jobs themselves, which no cache holds.
 */
export class JobHeap<J extends Ranked> {
  readonly #priorities: number[] = []
  readonly #numbers: number[] = []
  readonly #jobs: J[] = []

  get size(): number {
    return this.#jobs.length
  }

  get top(): J | undefined {
    return this.#jobs[0]
  }

  add(job: J): void {
    const { priority, number } = job
    let index = this.#jobs.length
    while (index > 0) {
      const above = ((index - 1) / below) | 0
      if (!this.#isBefore(priority, number, above)) break
      this.#move(above, index)
      index = above
    }
    this.#put(job, priority, number, index)
  }

  removeTop(): void {
    const job = this.#jobs.pop()
    const priority = this.#priorities.pop()!
    const number = this.#numbers.pop()!
    if (job && this.#jobs.length > 0) this.#sink(job, priority, number, 0)
  }

  /** Keeps those alone; costs as much as all there are. */
  retain(may: (job: J) => boolean): void {
    const kept = this.#jobs.filter(may)
    for (const all of [this.#jobs, this.#priorities, this.#numbers]) all.length = 0
    for (const job of kept) this.add(job)
  }

  /** Puts a job at a free place or lower. */
  #sink(job: J, priority: number, number: number, from: number): void {
    const size = this.#jobs.length
    let index = from
    for (let first = below * index + 1; first < size; first = below * index + 1) {
      let best = first
      const end = Math.min(first + below, size)
      for (let other = first + 1; other < end; other += 1)
        if (this.#isBefore(this.#priorities[other]!, this.#numbers[other]!, best)) best = other
      if (this.#isBefore(priority, number, best)) break
      this.#move(best, index)
      index = best
    }
    this.#put(job, priority, number, index)
  }

  #isBefore(priority: number, number: number, other: number): boolean {
    const its = this.#priorities[other]!
    return priority === its ? number < this.#numbers[other]! : priority > its
  }

  #move(from: number, to: number): void {
    this.#put(this.#jobs[from]!, this.#priorities[from]!, this.#numbers[from]!, to)
  }

  #put(job: J, priority: number, number: number, index: number): void {
    this.#jobs[index] = job
    this.#priorities[index] = priority
    this.#numbers[index] = number
  }
}
