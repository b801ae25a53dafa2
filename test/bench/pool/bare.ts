/** What the plainest of all queues has for a job: an object and a promise. */
class BareJob {
  readonly priority = Math.random()
  readonly submittedAt = performance.now()
  readonly data: number
  readonly promise: Promise<number>
  resolve!: (value: number) => void

  constructor(data: number) {
    this.data = data
    this.promise = new Promise((resolve) => (this.resolve = resolve))
  }
}

/** Makes so many promises and settles them in random order, a few a turn: no pool can do with less. */
export async function settleBare(count: number): Promise<void> {
  const jobs = Array.from({ length: count }, (_, data) => new BareJob(data))
  const all = Promise.all(jobs.map(({ promise }) => promise))
  jobs.sort((a, b) => b.priority - a.priority)
  for (const [nth, job] of jobs.entries()) {
    job.resolve(job.data)
    if (nth % 8 === 0) await Promise.resolve()
  }
  await all
}
