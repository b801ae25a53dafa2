import type { JobResult } from './job.ts'

/** Brings the results of jobs to those who read them. */
export class JobResults {
  readonly #readers = new Set<ReadableStreamDefaultController<JobResult>>()
  #isClosed = false

  get isRead(): boolean {
    return this.#readers.size > 0
  }

  /** Results that the slowest reader has not taken. */
  get unread(): number {
    let most = 0
    for (const reader of this.#readers) most = Math.max(most, -(reader.desiredSize ?? 0))
    return most
  }

  push(result: JobResult): void {
    for (const reader of this.#readers) reader.enqueue(result)
  }

  /** All that is pushed from now on; `onRead` when a reader has taken all there is. */
  read(onRead: () => void): AsyncIterableIterator<JobResult> {
    let reader: ReadableStreamDefaultController<JobResult>
    const stream = new ReadableStream<JobResult>(
      {
        start: (controller) => {
          reader = controller
          if (this.#isClosed) controller.close()
          else this.#readers.add(controller)
        },
        pull: onRead,
        cancel: () => {
          this.#readers.delete(reader)
          onRead()
        },
      },
      { highWaterMark: 0 },
    )
    return stream.values()
  }

  /** Nothing more comes; what was not taken can still be. */
  close(): void {
    this.#isClosed = true
    for (const reader of this.#readers) reader.close()
    this.#readers.clear()
  }
}

/** What became of some jobs: values and errors in the order in which the jobs ended. */
export type Collected<T> = {
  values: T[]
  errors: Exclude<JobResult<T>, { outcome: 'completed' }>[]
}

/**
 * Takes `count` results, or all until the pool is shut down. An error of a job is gathered, never
 * thrown, and stops nothing.
 */
export async function collectResults<T = unknown>(
  results: AsyncIterable<JobResult>,
  count = Infinity,
): Promise<Collected<T>> {
  const collected: Collected<T> = { values: [], errors: [] }
  let taken = 0
  if (count > 0)
    for await (const result of results) {
      if (result.outcome === 'completed') collected.values.push(result.value as T)
      else collected.errors.push(result)
      if (++taken >= count) break
    }
  return collected
}
