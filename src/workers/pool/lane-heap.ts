/** `index` is the heap's: where an item is, or -1. */
type Ranked = { readonly priority: number; index: number }

/** A binary heap, the highest priority on top, from which any item can be taken out. */
export class LaneHeap<T extends Ranked> {
  readonly #items: T[] = []

  get top(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    this.#rise(item, this.#items.length)
  }

  remove(item: T): void {
    const { index } = item
    item.index = -1
    const last = this.#items.pop()!
    if (last === item) return
    if (index > 0 && last.priority > this.#items[(index - 1) >> 1]!.priority)
      this.#rise(last, index)
    else this.#sink(last, index)
  }

  #put(item: T, index: number): void {
    this.#items[index] = item
    item.index = index
  }

  /** Puts an item at a free place or higher. */
  #rise(item: T, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const other = this.#items[above]!
      if (other.priority >= item.priority) break
      this.#put(other, index)
      index = above
    }
    this.#put(item, index)
  }

  /** Puts an item at a free place or lower. */
  #sink(item: T, from: number): void {
    let index = from
    for (;;) {
      const left = 2 * index + 1
      if (left >= this.#items.length) break
      const right = left + 1
      const isRightHigher =
        right < this.#items.length && this.#items[right]!.priority > this.#items[left]!.priority
      const below = isRightHigher ? right : left
      const other = this.#items[below]!
      if (other.priority <= item.priority) break
      this.#put(other, index)
      index = below
    }
    this.#put(item, index)
  }
}
