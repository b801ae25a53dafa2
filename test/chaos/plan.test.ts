import t from 'tap'
import { faultNames, faults, jobs } from './plan.ts'

const many = 600

function take<T>(source: Generator<T, never>): T[] {
  return Array.from({ length: many }, () => source.next().value)
}

t.test('the same seed is the same plan, another seed another', (t) => {
  for (const make of [faults, jobs] as ((seed: number) => Generator<unknown, never>)[]) {
    const written = (seed: number) => JSON.stringify(take(make(seed)))
    t.ok(written(7) === written(7))
    t.ok(written(7) !== written(8))
  }
  t.end()
})

t.test('a plan has every fault, every 1 to 7 seconds, and every misbehaviour', (t) => {
  const plan = take(faults(1))
  t.strictSame(new Set(plan.map(({ name }) => name)), new Set(faultNames))
  t.ok(plan.every(({ afterMs }) => afterMs >= 1000 && afterMs <= 7000))
  const behaviours = new Set(take(jobs(1)).map(({ prompt }) => prompt.split(' ')[0]))
  t.equal(behaviours.size, 13)
  t.ok(take(jobs(1)).some(({ lies, fails }) => lies && fails))
  t.end()
})
