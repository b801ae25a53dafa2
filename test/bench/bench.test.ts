import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { page, renewed } from './report/page.ts'
import { plot } from './report/plot.ts'
import type { Budget } from './row.ts'
import { percentile, row } from './row.ts'
import { sizes } from './sizes.ts'

const here = import.meta.dirname
const three = [
  { ours: 10, theirs: 20 },
  { ours: 30, theirs: 20 },
  { ours: 16, theirs: 20 },
]

t.test('every bench can be run by its name', async (t) => {
  const files = globSync(join(here, '*.bench.ts'))
  t.ok(files.length > 5)
  for (const file of files) {
    const { bench } = (await import(file)) as { bench?: unknown }
    t.type(bench, 'function', basename(file))
  }
})

t.test('a row has the medians, and the ratio of each pair', (t) => {
  const { ours, theirs, ratio, spread } = row('x', 'ms', three, {})
  t.strictSame(
    { ours, theirs, ratio, spread },
    { ours: 16, theirs: 20, ratio: 0.8, spread: [0.5, 1.5] },
  )
  t.end()
})

t.test('a budget holds up to its very limit, and all of it has to', (t) => {
  const judge = (budget: Budget) => row('x', 'ms', three, budget).pass
  t.equal(judge({}), true, 'no budget')
  t.equal(judge({ atLeast: 0.8 }), true)
  t.equal(judge({ atLeast: 0.81 }), false)
  t.equal(judge({ atMost: 0.8 }), true)
  t.equal(judge({ atMost: 0.79 }), false)
  t.equal(judge({ limit: 16 }), true)
  t.equal(judge({ limit: 15.9 }), false)
  t.equal(judge({ atMost: 0.8, limit: 15.9 }), false, 'one of two')
  t.equal(row('x', 'ms', three, { atMost: 5, limit: 15 }).budget, 'ratio <= 5, ours <= 15 ms')
  t.end()
})

t.test('a ratio that is no number is a miss', (t) => {
  t.equal(row('x', 'ms', [{ ours: NaN, theirs: 1 }], { atMost: 1 }).pass, false)
  t.equal(row('x', 'ms', [{ ours: NaN, theirs: 1 }], { atLeast: 1 }).pass, false)
  t.end()
})

t.test('a percentile is one of the numbers, with that share not above it', (t) => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n)
  t.equal(percentile(hundred, 0.99), 99)
  t.equal(percentile(hundred, 0.5), 50)
  t.equal(percentile([7], 0.99), 7)
  t.end()
})

t.test('a size is set by a variable, and nothing else passes for one', (t) => {
  const { BENCH_QUICK: _, ...env } = process.env
  t.intercept(process, 'env', { value: { ...env, BENCH_AGENTS: '7' } })
  t.strictSame(sizes({ agents: 100, rounds: 5 }, { agents: 2, rounds: 1 }), {
    agents: 7,
    rounds: 5,
  })
  process.env['BENCH_QUICK'] = '1'
  t.strictSame(sizes({ agents: 100, rounds: 5 }, { agents: 2, rounds: 1 }), {
    agents: 7,
    rounds: 1,
  })
  process.env['BENCH_AGENTS'] = '7x'
  t.throws(() => sizes({ agents: 1 }, { agents: 1 }), /BENCH_AGENTS=7x is not a size/)
  t.end()
})

t.test('the report names what was missed, and draws what has sizes', (t) => {
  const missed = row('claim', 'us', three, { atMost: 0.5 })
  const point = { series: 'claims', x: 1000 }
  const rows = [row('enqueue', 'us', three, { atMost: 1 }), { ...missed, point }]
  const text = page([{ name: 'queue', about: 'What it is.', rows }], ['a machine'])
  t.match(text, '1 of 2 budgets hold')
  t.match(
    text,
    /\| claim \| 16 \| 20 \| us \| 0\.8 \| 0\.5 to 1\.5 \| ratio <= 0\.5 \| \*\*missed\*\* \|/,
  )
  t.match(text, 'performance.svg')
  t.match(plot(rows), 'claims')
  t.notMatch(plot(rows), 'enqueue')
  t.end()
})

t.test('one chapter of the report is measured anew, and the budgets are counted again', (t) => {
  const rows = [row('enqueue', 'us', three, { atMost: 0.5 })]
  const plotted = [{ ...rows[0]!, point: { series: 'claims', x: 1 } }]
  const other = { name: 'scale', about: 'Grows.', rows: plotted }
  const before = page([{ name: 'queue', about: 'What it is.', rows }, other], ['a machine'])
  t.match(before, '0 of 2 budgets hold')
  const better = [row('enqueue', 'us', three, { atMost: 0.9 })]
  const after = renewed(before, { name: 'queue', about: 'It is.', rows: better }, ['another'])
  t.match(after, '1 of 2 budgets hold')
  t.match(after, /## queue\n\nIt is\.\n\nMeasured later than the rest: another\.\n\n\| ours/)
  t.match(after, /\| holds \|\n\n## scale\n\nGrows\.\n/)
  t.equal(renewed(after, { name: 'queue', about: 'It is.', rows: better }, ['another']), after)
  t.throws(() => renewed(before, other, []), /scale cannot be measured anew/)
  t.throws(() => renewed(before, { ...other, name: 'none' }, []), /none cannot/)
  t.end()
})
