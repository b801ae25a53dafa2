import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../../../src/supervisor/domain/ports.ts'
import type { Task } from '../../../src/supervisor/domain/task.ts'
import { claimOne, complete, fill, openStore } from '../queue/ours.ts'
import type { Row } from '../row.ts'
import { row } from '../row.ts'

const inFlight = 64
const portion = 640
// As the daemon has it when nobody sets another.
const eventsKept = 100_000

type Pair = { ours: number; theirs: number }
type Case = { name: string; unit: string; run: (store: Store) => Promise<number> }

/** A store that grows to `sizes` finished tasks, and beside it one that stays at the first size. */
export async function taskRows(dir: string, sizes: number[], rounds: number): Promise<Row[]> {
  const open = (name: string) => {
    mkdirSync(join(dir, name))
    return openStore(join(dir, name))
  }
  const [smallest] = sizes
  const [grown, small] = [open('grown'), open('small')]
  await finish(small, smallest!)
  const rows: Row[] = []
  let finished = 0
  for (const size of sizes) {
    await finish(grown, size - finished)
    finished = size
    const found = new Map<Case, Pair[]>(cases.map((one) => [one, []]))
    for (let round = -1; round < rounds; round += 1)
      for (const [one, pairs] of found) {
        const first = await one.run(round % 2 === 0 ? grown : small)
        const second = await one.run(round % 2 === 0 ? small : grown)
        const [ours, theirs] = round % 2 === 0 ? [first, second] : [second, first]
        if (round >= 0) pairs.push({ ours, theirs })
      }
    for (const [{ name, unit }, pairs] of found)
      rows.push({
        ...row(`${name}, ${size} finished : ${smallest}`, unit, pairs, { atMost: 1.5 }),
        point: { series: name, x: size },
      })
  }
  await grown.close()
  await small.close()
  return rows
}

const cases: Case[] = [
  {
    name: 'claim of a task',
    unit: 'us',
    run: async (store) => {
      await fill(store, portion)
      const claimed: Task[] = []
      const micros = await each(async (n) => {
        claimed.push(await claimOne(store, `agent${n % inFlight}`))
      })
      await Promise.all(claimed.map((task) => complete(store, task)))
      return micros
    },
  },
  {
    name: 'enqueue, claim and complete',
    unit: 'us',
    run: async (store) =>
      each(async (n) => {
        await fill(store, 1)
        await complete(store, await claimOne(store, `agent${n % inFlight}`))
      }),
  },
  {
    name: 'list of the newest 100',
    unit: 'us',
    run: async (store) => each(async () => store.tasks({}), 50),
  },
]

/** Microseconds of each, many at once. */
async function each(work: (n: number) => Promise<unknown>, count = portion): Promise<number> {
  let next = 0
  const caller = async () => {
    for (let n = next++; n < count; n = next++) await work(n)
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: inFlight }, caller))
  return ((performance.now() - start) * 1000) / count
}

/** So many tasks, each through its whole life. */
async function finish(store: Store, count: number): Promise<void> {
  for (let left = count; left > 0; left -= portion) {
    const some = Math.min(left, portion)
    await fill(store, some)
    await each(async (n) => complete(store, await claimOne(store, `agent${n % inFlight}`)), some)
    await store.trimEvents(eventsKept)
  }
}
