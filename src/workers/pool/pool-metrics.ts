import { createHistogram } from 'node:perf_hooks'
import type { JobOutcome } from './job.ts'

/**
 * A pool in numbers. Nothing is counted twice or left out: `submitted` is the sum of the five ways to
 * end and of what is `queued` and `running`.
 */
export type PoolMetrics = {
  /** Jobs that were accepted. */
  submitted: number
  completed: number
  /** The job threw, or its worker died. */
  failed: number
  timedOut: number
  aborted: number
  /** Given up by a shutdown. */
  dropped: number
  queued: number
  running: number
  activeWorkers: number
  /** Workers that are up and have no job. */
  idleWorkers: number
  /** Workers that died or had to be ended; others took their places. */
  lostWorkers: number
  /**
   * From `submit` to the end, of jobs that completed, failed or timed out; percentiles to 1 %. All 0
   * before the first one.
   */
  latencyMs: { average: number; min: number; max: number; p50: number; p99: number }
}

type Now = Pick<PoolMetrics, 'queued' | 'running' | 'idleWorkers' | 'lostWorkers'>

const dayMicros = 86_400_000_000

/** Counts the jobs of a pool. */
export class PoolTally {
  submitted = 0
  readonly #ended: Record<JobOutcome, number> = {
    completed: 0,
    failed: 0,
    timed_out: 0,
    aborted: 0,
    dropped: 0,
  }
  readonly #latencies = createHistogram({ lowest: 1, highest: dayMicros, figures: 2 })
  #sumMs = 0
  #minMs = Infinity
  #maxMs = 0

  end(outcome: JobOutcome, latencyMs: number): void {
    this.#ended[outcome] += 1
    if (outcome === 'aborted' || outcome === 'dropped') return
    this.#latencies.record(Math.min(dayMicros, Math.max(1, Math.round(latencyMs * 1000))))
    this.#sumMs += latencyMs
    if (latencyMs < this.#minMs) this.#minMs = latencyMs
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs
  }

  metrics(now: Now): PoolMetrics {
    const { completed, failed, timed_out: timedOut, aborted, dropped } = this.#ended
    const { submitted } = this
    const activeWorkers = now.running
    const ended = { completed, failed, timedOut, aborted, dropped }
    return { submitted, ...ended, ...now, activeWorkers, latencyMs: this.#latency() }
  }

  #latency(): PoolMetrics['latencyMs'] {
    const count = this.#latencies.count
    if (count === 0) return { average: 0, min: 0, max: 0, p50: 0, p99: 0 }
    return {
      average: this.#sumMs / count,
      min: this.#minMs,
      max: this.#maxMs,
      p50: this.#latencies.percentile(50) / 1000,
      p99: this.#latencies.percentile(99) / 1000,
    }
  }
}
