/** A queue as one caller uses it. What `take` gives, `done` completes. */
export type QueueCandidate = {
  name: string
  /** Stores so many jobs at once; not measured. */
  fill: (count: number) => Promise<void>
  add: () => Promise<unknown>
  take: () => Promise<unknown>
  done: (job: unknown) => Promise<unknown>
  /** One job more, and one that waits taken and completed, the way its own workers do that. */
  pass: () => Promise<unknown>
  close: () => Promise<void>
}

/** The way of workers that do one thing after the other. */
export const stepByStep = (queue: Pick<QueueCandidate, 'add' | 'take' | 'done'>) => async () => {
  await queue.add()
  await queue.done(await queue.take())
}

/** The work of every candidate: a prompt of 1 KB and what came of it. */
export const prompt = 'fix the parser so that it takes numbers with an exponent. '.repeat(18)
export const result = {
  success: true,
  output: 'all tests pass',
  error: null,
  durationMs: 1234,
  completedAt: 1_700_000_000_000,
  evidence: [{ source: 'exit', at: 1_700_000_000_000, detail: 'status 0' }],
  usage: null,
  git: null,
}
