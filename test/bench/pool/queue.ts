import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { namedPriorities } from '../../../src/workers/pool/job.ts'
import { JobFunctions } from '../../../src/workers/pool/job-functions.ts'
import { JobQueue } from '../../../src/workers/pool/job-queue.ts'
import { PendingJob } from '../../../src/workers/pool/pending-job.ts'
import type { Row } from '../row.ts'
import { row } from '../row.ts'

const [few, many] = [1_000, 100_000]
const rounds = 15

/** Time and memory of a waiting job, when 100,000 wait compared with 1,000. */
export function queueRows(): Row[] {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const times: { ours: number; theirs: number }[] = []
  const sizes: typeof times = []
  fill(many)
  for (let round = 0; round < rounds; round += 1) {
    gc()
    // As many jobs pass in both cases.
    const start = performance.now()
    for (let n = 0; n < many / few; n += 1) drain(fill(few))
    const between = performance.now()
    drain(fill(many))
    times.push({ ours: performance.now() - between, theirs: between - start })
    sizes.push({ ours: bytesOf(many, gc), theirs: bytesOf(few, gc) })
  }
  const asMicros = times.map(({ ours, theirs }) => ({
    ours: (ours * 1000) / many,
    theirs: (theirs * 1000) / many,
  }))
  const name = (what: string) => `${what} of a job, random priority, ${many} : ${few} wait`
  return [
    row(name('time'), 'us', asMicros, { atMost: 2 }),
    row(name('memory'), 'bytes', sizes, { atMost: 1.2 }),
  ]
}

const functions = new JobFunctions()

function fill(count: number): JobQueue<PendingJob> {
  const queue = new JobQueue<PendingJob>(Object.values(namedPriorities))
  for (let n = 0; n < count; n += 1) {
    const priority = Math.floor(Math.random() * 1_000_000)
    const job = { module: 'file:///work.js', data: n }
    queue.push(new PendingJob(n, priority, 1000, functions.of(job.module, 'default'), job))
  }
  return queue
}

function drain(queue: JobQueue<PendingJob>): void {
  while (queue.shift());
}

function bytesOf(count: number, gc: () => void): number {
  gc()
  const before = process.memoryUsage().heapUsed
  const queue = fill(count)
  gc()
  const bytes = (process.memoryUsage().heapUsed - before) / count
  drain(queue)
  return bytes
}
