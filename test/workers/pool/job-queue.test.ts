import fc from 'fast-check'
import t from 'tap'
import { JobHeap } from '../../../src/workers/pool/job-heap.ts'
import type { Lane } from '../../../src/workers/pool/job-queue.ts'
import { JobQueue } from '../../../src/workers/pool/job-queue.ts'
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

const inOrder = (a: Item, b: Item) => b.priority - a.priority || a.number - b.number

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
      const expected = () => model.toSorted(inOrder)[0]
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

t.test('a heap gives the first in order, whatever is added, taken or cleared away', (t) => {
  const act = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom('top', 'even'))
  holds(
    t,
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const heap = new JobHeap<Item>()
      let model: Item[] = []
      for (const [number, act] of acts.entries()) {
        if (act === 'top') {
          model = model.slice(1)
          heap.removeTop()
        } else if (act === 'even') {
          model = model.filter((item) => item.number % 2 === 0)
          heap.retain((item) => item.number % 2 === 0)
        } else {
          const item = new Item(number, act as number)
          model = [...model, item].toSorted(inOrder)
          heap.add(item)
        }
        if (heap.size !== model.length || heap.top !== model[0]) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('jobs that were cancelled leave nothing behind', (t) => {
  const queue = new JobQueue<Item>(named)
  const high = new Item(0, Number.MAX_SAFE_INTEGER)
  queue.push(high)
  const before = process.memoryUsage().heapUsed
  // Each under a priority of its own, none of which ever comes up.
  for (let number = 1; number < 300_000; number += 1) {
    const item = new Item(number, number)
    queue.push(item)
    queue.remove(item)
  }
  t.ok(process.memoryUsage().heapUsed - before < 20_000_000)
  t.equal(queue.shift(), high)
  t.equal(queue.size, 0)
  t.end()
})

t.test('what was taken out goes back to where it was', (t) => {
  const queue = new JobQueue<Item>(named)
  const items = [0, 1, 2, 3, 4, 5].map((number) => new Item(number, number % 2))
  for (const item of items) queue.push(item)
  const out = [1, 2, 3, 4].map(() => queue.shift()!)
  for (const item of [out[2]!, out[0]!, out[3]!, out[1]!]) queue.putBack(item)
  const order: number[] = []
  for (let item = queue.shift(); item; item = queue.shift()) order.push(item.number)
  t.same(order, [1, 3, 5, 0, 2, 4])
  t.end()
})
