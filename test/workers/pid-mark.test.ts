import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import type { PidMark } from '../../src/workers/pid-mark.ts'
import { markPids, youngerThan } from '../../src/workers/pid-mark.ts'
import { endProcesses } from '../../src/workers/stop-ladder.ts'
import { identify, startedWith } from '../../src/workers/processes.ts'
import { holds } from '../support/property.ts'

const most = 1000
const reserved = 300

/** Gives out ids as the kernel does: in a circle, what is in use passed over. */
class Kernel {
  readonly alive = new Set<number>()
  forks = 0
  #last = 1

  fork(): number {
    do this.#last = this.#last + 1 < most ? this.#last + 1 : reserved
    while (this.alive.has(this.#last))
    this.alive.add(this.#last)
    this.forks += 1
    return this.#last
  }

  mark(): PidMark {
    return { pid: this.#last, forks: this.forks, threads: this.alive.size }
  }
}

t.test('no process that began after a mark is passed over, however the ids go round', (t) => {
  const life = fc.record({
    before: fc.nat(2500),
    living: fc.nat(300),
    after: fc.array(fc.boolean(), { maxLength: 900 }),
  })
  const property = fc.property(life, ({ before, living, after }) => {
    const kernel = new Kernel()
    for (let n = 0; n < before; n += 1) {
      const pid = kernel.fork()
      if (kernel.alive.size > living) kernel.alive.delete(n % 2 ? pid : [...kernel.alive][0]!)
    }
    const mark = kernel.mark()
    const young = new Set<number>()
    for (const ends of after) {
      const pid = kernel.fork()
      young.add(pid)
      const [oldest] = kernel.alive
      if (!ends || oldest === undefined) continue
      kernel.alive.delete(oldest)
      young.delete(oldest)
    }
    const isMeant = youngerThan(mark, kernel.forks, most)
    return [...young].every(isMeant)
  })
  holds(t, property)
  t.end()
})

t.test('soon after a mark most of the others are passed over', (t) => {
  const isMeant = youngerThan({ pid: 5000, forks: 100, threads: 50 }, 110, 32_768)
  t.same([4999, 5000, 5001, 5070, 5071].map(isMeant), [false, false, true, true, false])
  const atTheEnd = youngerThan({ pid: 32_760, forks: 100, threads: 50 }, 110, 32_768)
  t.same([32_760, 32_761, 301, 2000].map(atTheEnd), [false, true, true, false])
  const long = youngerThan({ pid: 5000, forks: 100, threads: 50 }, 20_000, 32_768)
  t.equal(long(4999), true, 'after half a circle nobody is')
  t.end()
})

t.test('a search since a mark finds what began after it, and only that', async (t) => {
  const id = `mark${process.pid}/a1/t1-1`
  const env = { PATH: process.env['PATH'], SQUADD_RUN_ID: id }
  const begin = async () => {
    const child = spawn('sleep', ['1004'], { env, stdio: 'ignore' })
    await once(child, 'spawn')
    return identify(child.pid!)!
  }
  const variable = `SQUADD_RUN_ID=${id}\0`
  const older = await begin()
  const mark = markPids()
  const younger = await begin()
  t.ok(mark, 'the kernel tells')
  t.same(startedWith([variable], mark), [younger])
  t.same(new Set(startedWith([variable])), new Set([older, younger]), 'without one: all')
  t.same(await endProcesses({ find: () => startedWith([variable]), graceMs: 5000 }), [])
})
