import type { RegistryContentType } from 'prom-client'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import fc from 'fast-check'
import t from 'tap'
import type { Format } from '../../src/metrics/exposition.ts'
import { formats, write } from '../../src/metrics/exposition.ts'
import { measuredFamilies } from '../../src/metrics/families.ts'
import type { Family } from '../../src/metrics/series.ts'
import { startOf } from '../../src/metrics/series.ts'

const help = 'It says what it is.'
// Whatever is in an agent's name, a path or a branch: quotes, backslashes, new lines, other letters.
const word = fc.oneof(fc.string(), fc.constantFrom('', '\\', '"', '\n', '\\n', 'a"b\\c\nd', 'ü€'))
const labels = fc.record({ one: word, two: word })
const distinct = <T>(arbitrary: fc.Arbitrary<[{ one: string; two: string }, T]>) =>
  fc.uniqueArray(arbitrary, { selector: ([{ one, two }]) => JSON.stringify([one, two]) })
const number = fc.double({ noNaN: true })
const count = fc.double({ min: 0, max: 1e15, noNaN: true })

function registryFor(format: Format): Registry {
  const registry = new Registry()
  // Its types know the default alone.
  ;(registry as Registry<RegistryContentType>).setContentType(formats[format])
  return registry
}

const linesOf = (text: string | Uint8Array): string[] =>
  Buffer.from(text as string)
    .toString()
    .split('\n')
    .filter((line) => line !== '')

for (const format of ['text', 'openMetrics'] as const)
  t.test(`${format}: we write line for line what prom-client writes`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        distinct(fc.tuple(labels, number)),
        distinct(fc.tuple(labels, count)),
        fc.array(fc.tuple(labels, count)),
        async (gauges, counters, observed) => {
          const registry = registryFor(format)
          const shared = { help, registers: [registry], labelNames: ['one', 'two'] as const }
          const gauge = new Gauge({ ...shared, name: 'a_gauge' })
          const counter = new Counter({ ...shared, name: 'a_counter_total' })
          const histogram = new Histogram({ ...shared, name: 'a_histogram', buckets: [0.5, 1, 20] })
          for (const [at, value] of gauges) gauge.set(at, value)
          for (const [at, value] of counters) counter.inc(at, value)
          for (const [at, value] of observed) histogram.observe(at, value)
          const family = (name: string, type: Family['type'], all: typeof gauges): Family => ({
            ...{ name, type, help },
            starts: all.map(([at]) => startOf(name, at)),
            values: all.map(([, value]) => value),
          })
          const ours = await write(
            [
              family('a_gauge', 'gauge', gauges),
              family('a_counter_total', 'counter', counters),
              ...(await measuredFamilies(registry)()).filter(({ type }) => type === 'histogram'),
            ],
            format,
          )
          // Asked last: for OpenMetrics it takes the end off the names of its counters.
          t.same(linesOf(ours), linesOf(await registry.metrics()))
        },
      ),
    )
  })

t.test('an exemplar is written as prom-client writes it', async (t) => {
  const registry = registryFor('openMetrics')
  const histogram = new Histogram({
    ...{ name: 'h', help, buckets: [1], registers: [registry], enableExemplars: true },
  })
  histogram.observe({ value: 0.25, labels: {}, exemplarLabels: { task_id: 't1' } })
  const theirs = linesOf(await registry.metrics()).find((line) => line.includes('# {'))!
  const at = Number(theirs.split(' ').at(-1))
  const exemplar = { taskId: 't1', value: 0.25, at }
  const starts = [startOf('h_bucket', { le: 1 })]
  const family: Family = {
    ...{ name: 'h', type: 'histogram', help },
    starts,
    values: [1],
    exemplars: [exemplar],
  }
  const ours = await write([family], 'openMetrics')
  t.equal(linesOf(ours)[2], theirs)
})

t.test('what is no finite number is written as Prometheus reads it', async (t) => {
  const values = [NaN, Infinity, -Infinity]
  const starts = values.map(() => 'g ')
  const text = await write([{ name: 'g', type: 'gauge', help, starts, values }], 'text')
  t.same(linesOf(text).slice(2), ['g NaN', 'g +Inf', 'g -Inf'])
})

t.test('others get their turn while very much is written', async (t) => {
  let turns = 0
  let isWriting = true
  const count = () => {
    turns += 1
    if (isWriting) setImmediate(count)
  }
  setImmediate(count)
  const values = Array.from({ length: 20_000 }, (_, i) => i)
  const families = Array.from({ length: 30 }, (_, i): Family => {
    const starts = values.map((value) => `g${i}{a="${value}"} `)
    return { ...{ name: `g${i}`, type: 'gauge', help }, starts, values }
  })
  await write(families, 'text')
  isWriting = false
  t.ok(turns >= 3, `${turns} turns`)
})
