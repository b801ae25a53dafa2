import fc from 'fast-check'
import t from 'tap'
import type { Lane } from '../../../src/workers/pool/job-queue.ts'
import { JobQueue } from '../../../src/workers/pool/job-queue.ts'
import { LaneHeap } from '../../../src/workers/pool/lane-heap.ts'
import { holds } from '../../support/property.ts'

/** One that waits; `number`: the how-manieth it is. */
class Item {
  lane: Lane<Item> | null = null
  previous: Item | null = null
  next: Item | null = null
  readonly number: number
  readonly priority: number
  constructor(number: number, priority: number) {
    this.number = number
    this.priority = priority
  }
}

const named = [-1, 0, 1, 2]
const priority = fc.oneof(
  fc.constantFrom(...named),
  fc.integer({ min: -5, max: 5 }),
  fc.maxSafeInteger(),
)
/** Push with a priority, take the next, or remove one of those that wait. */
const step = fc.oneof(
  { weight: 3, arbitrary: priority.map((value) => ['push', value] as const) },
  { weight: 2, arbitrary: fc.constant(['shift', 0] as const) },
  { weight: 1, arbitrary: fc.nat().map((value) => ['remove', value] as const) },
)

t.test('it gives what a sorted list would give, whatever is pushed, taken and removed', (t) => {
  const steps = fc.array(step, { maxLength: 80 })
  holds(
    t,
    fc.property(steps, (steps) => {
      const queue = new JobQueue<Item>(named)
      let model: Item[] = []
      const expected = () =>
        model.toSorted((a, b) => b.priority - a.priority || a.number - b.number)[0]
      for (const [number, [kind, value]] of steps.entries()) {
        if (kind === 'push') {
          const item = new Item(number, value)
          model.push(item)
          queue.push(item)
        } else if (kind === 'shift') {
          const next = expected()
          if (queue.shift() !== next) return false
          model = model.filter((item) => item !== next)
        } else if (model.length > 0) {
          const item = model[value % model.length]!
          model = model.filter((other) => other !== item)
          if (!queue.remove(item) || queue.remove(item)) return false
        }
        if (queue.size !== model.length) return false
      }
      for (; model.length > 0;) {
        const next = expected()
        if (queue.shift() !== next) return false
        model = model.filter((item) => item !== next)
      }
      return queue.shift() === undefined && queue.size === 0
    }),
  )
  t.end()
})

t.test('the work for one item is at most the logarithm of what waits', (t) => {
  let reads = 0
  /** Tells how often it is compared. */
  class Counted {
    index = -1
    readonly #priority: number
    constructor(priority: number) {
      this.#priority = priority
    }
    get priority(): number {
      reads += 1
      return this.#priority
    }
  }
  for (const size of [1_000, 100_000]) {
    const heap = new LaneHeap<Counted>()
    const items = Array.from({ length: size }, () => new Counted(Math.random()))
    let most = 0
    const counted = (act: () => void) => {
      reads = 0
      act()
      most = Math.max(most, reads)
    }
    for (const item of items) counted(() => heap.add(item))
    for (const item of items.slice(0, size / 2)) counted(() => heap.remove(item))
    while (heap.top) counted(() => heap.remove(heap.top!))
    t.ok(most <= 4 * Math.ceil(Math.log2(size)) + 4, `${most} comparisons among ${size}`)
  }
  t.end()
})

t.test('what waits under a name costs the same whatever else does', (t) => {
  const queue = new JobQueue<Item>(named)
  let number = 0
  for (; number < 10_000; number += 1) queue.push(new Item(number, number * 7 - 50_000))
  const item = new Item(number, 2)
  queue.push(item)
  t.ok(item.lane!.index === -1, 'it is in no heap')
  queue.remove(item)
  t.equal(queue.size, 10_000)
  t.end()
})
