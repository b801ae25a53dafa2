import type { Source } from './events/sources.ts'
import { betterSse, squaddSource, subscribe } from './events/sources.ts'
import { useOf } from './processes.ts'
import type { Row } from './row.ts'
import { median, percentile, row } from './row.ts'
import { sizes } from './sizes.ts'
import { BenchSquad } from './squad.ts'

export const about = `100 subscribers of \`/v1/events\` in one process, events that come one at a time and 500 in
one go. CPU is what the daemon uses more with 100 subscribers than with none, for one event to one of them:
what it costs to store the task is in both and so in neither. Beside it better-sse, which keeps its events in
memory and sends them to whoever is connected at that moment; squadd stores each first, and every subscriber
can go on from any number.`

const { clients, events, burst, rounds } = sizes(
  { clients: 100, events: 200, burst: 500, rounds: 7 },
  { clients: 10, events: 20, burst: 50, rounds: 2 },
)

type Figures = { single: number; burst: number; latencies: number[] }

export async function bench(): Promise<Row[]> {
  await using squad = await BenchSquad.start({ taskQueueSize: 1_000_000 })
  await using peer = await betterSse(squad.dir)
  const ours: Figures[] = []
  const theirs: Figures[] = []
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await measure(squaddSource(squad)))
    theirs.push(await measure(peer))
  }
  const pairs = (of: (one: Figures) => number) =>
    ours.map((one, nth) => ({ ours: of(one), theirs: of(theirs[nth]!) }))
  const p99 = ({ latencies }: Figures) => percentile(latencies, 0.99)
  const to = `to one of ${clients} subscribers`
  return [
    row(
      `CPU of an event ${to} : better-sse`,
      'us',
      pairs(({ single }) => single),
      {},
    ),
    row(
      `CPU of an event of ${burst} ${to} : better-sse`,
      'us',
      pairs((one) => one.burst),
      {
        atMost: 1,
      },
    ),
    row(
      `acknowledged to all ${clients} have it, p50 : better-sse`,
      'ms',
      pairs(({ latencies }) => median(latencies)),
      {},
    ),
    row(`acknowledged to all ${clients} have it, p99 : better-sse`, 'ms', pairs(p99), {}),
  ]
}

/** CPU for one event to one subscriber, us, and how long one event takes to all. */
async function measure(source: Source): Promise<Figures> {
  const latencies: number[] = []
  const singles = async (heard: () => Promise<void>) => {
    for (let n = 0; n < events; n += 1) {
      await source.happen(1)
      const start = performance.now()
      await heard()
      latencies.push(performance.now() - start)
    }
  }
  const bursts = async (heard: () => Promise<void>) => {
    await source.happen(burst)
    await heard()
  }
  const alone = async () => {}
  const singleAlone = await cpuOf(source, () => singles(alone))
  const burstAlone = await cpuOf(source, () => bursts(alone))
  latencies.length = 0
  await using all = await subscribe(source, clients)
  const single = await cpuOf(source, () => singles(() => all.have(1)))
  const many = await cpuOf(source, () => bursts(() => all.have(burst)))
  const micros = (ms: number, count: number) => (ms * 1000) / count / clients
  return {
    single: micros(single - singleAlone, events),
    burst: micros(many - burstAlone, burst),
    latencies,
  }
}

async function cpuOf({ pid }: Source, work: () => Promise<unknown>): Promise<number> {
  const before = useOf([pid]).cpuMs
  await work()
  return useOf([pid]).cpuMs - before
}
