/** A binary heap of numbers, the highest on top: one packed array, so that it is quick when it is large. */
export class NumberHeap {
  #numbers: number[] = []

  get size(): number {
    return this.#numbers.length
  }

  get top(): number | undefined {
    return this.#numbers[0]
  }

  add(number: number): void {
    const numbers = this.#numbers
    let index = numbers.length
    while (index > 0) {
      const above = (index - 1) >> 1
      const other = numbers[above]!
      if (other >= number) break
      numbers[index] = other
      index = above
    }
    numbers[index] = number
  }

  removeTop(): void {
    const last = this.#numbers.pop()
    if (last !== undefined && this.#numbers.length > 0) this.#sink(last, 0)
  }

  /** Keeps those alone; costs as much as all there are. */
  retain(may: (number: number) => boolean): void {
    this.#numbers = this.#numbers.filter(may)
    for (let index = (this.#numbers.length >> 1) - 1; index >= 0; index -= 1)
      this.#sink(this.#numbers[index]!, index)
  }

  /** Puts a number at a free place or lower. */
  #sink(number: number, from: number): void {
    const numbers = this.#numbers
    const size = numbers.length
    let index = from
    for (let below = 2 * index + 1; below < size; below = 2 * index + 1) {
      if (below + 1 < size && numbers[below + 1]! > numbers[below]!) below += 1
      const other = numbers[below]!
      if (other <= number) break
      numbers[index] = other
      index = below
    }
    numbers[index] = number
  }
}
