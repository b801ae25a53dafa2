import type { AttemptKey, Verdict } from '../../src/supervisor/domain/message.ts'
import { parseAttemptKey } from '../../src/supervisor/domain/message.ts'
import type { Cause, StopReason } from '../../src/supervisor/domain/task.ts'
import type { Clock } from '../../src/supervisor/domain/time.ts'

/** What a program is going to do. Durations in ms. */
export type Fate = {
  launchMs: number
  runMs: number
  /** From being told to stop to its end. */
  stopMs: number
  outcome: 'succeeded' | 'failed' | 'unknown' | 'not_started'
  cause: Cause | null
  /** How long after its end it says that it may go again. */
  retryInMs: number | null
  /** kill -9 of the agent host, this long after the order. */
  hostDiesInMs: number | null
}

type Attempt = {
  state: 'launching' | 'running' | 'ended'
  fate: Fate
  startedAt: number | null
  stop: StopReason | null
  verdict: Verdict | null
  cancel: () => void
}

export type TerminalEvents = {
  started(key: AttemptKey, pid: number): void
  ended(verdict: Verdict): void
}

/** What all terminals know of each other: which programs run now, by task. */
export type Programs = {
  clock: Clock
  running: Map<string, AttemptKey>
  breach: (text: string) => void
}

const stops = {
  cancelled: { outcome: 'cancelled', cause: null },
  timed_out: { outcome: 'timed_out', cause: 'timed_out' },
  preempted: { outcome: 'preempted', cause: null },
  stalled: { outcome: 'failed', cause: 'stalled' },
  unanswered: { outcome: 'failed', cause: 'stalled' },
} as const satisfies Record<StopReason, Pick<Verdict, 'outcome' | 'cause'>>

/** One agent's tmux, programs and outbox: lives on when its host or the supervisor dies. */
export class FakeTerminal {
  readonly agentId: string
  readonly #programs: Programs
  readonly #attempts = new Map<AttemptKey, Attempt>()
  /** Whoever is told now; nobody while there is no host. */
  events: TerminalEvents | null = null

  constructor(agentId: string, programs: Programs) {
    this.agentId = agentId
    this.#programs = programs
  }

  get keys(): AttemptKey[] {
    return [...this.#attempts.keys()]
  }

  get open(): AttemptKey | undefined {
    return this.keys.find((key) => this.#attempts.get(key)!.state !== 'ended')
  }

  launch(key: AttemptKey, fate: Fate): void {
    const { breach, clock } = this.#programs
    if (this.#attempts.has(key)) return
    if (this.open !== undefined)
      breach(`${this.agentId} was given ${key} while it has ${this.open}`)
    const begin = () => this.#begin(key)
    this.#attempts.set(key, {
      ...{ state: 'launching', fate, startedAt: null, stop: null, verdict: null },
      cancel: clock.after(fate.launchMs, begin),
    })
  }

  /** The verdict of an attempt that has ended, if it is still kept. */
  verdictOf(key: AttemptKey): Verdict | null {
    return this.#attempts.get(key)?.verdict ?? null
  }

  isRunning(key: AttemptKey): boolean {
    return this.#attempts.get(key)?.state === 'running'
  }

  /** Nobody will ever run it: what the latch of the outbox proves. */
  refuse(key: AttemptKey): void {
    if (!this.#attempts.has(key))
      this.#attempts.set(key, {
        ...{ state: 'launching', fate: neverRuns, startedAt: null, stop: null, verdict: null },
        cancel: () => {},
      })
    this.#end(key, { outcome: 'not_started', cause: null }, 'it was never started')
  }

  stop(key: AttemptKey, reason: StopReason): void {
    const attempt = this.#attempts.get(key)
    if (!attempt || attempt.state === 'ended' || attempt.stop !== null) return
    attempt.stop = reason
    const end = () => this.#end(key, stops[reason], reason)
    if (attempt.state === 'launching') return end()
    attempt.cancel()
    const leftMs = attempt.startedAt! + attempt.fate.runMs - this.#programs.clock.now()
    attempt.cancel = this.#programs.clock.after(Math.min(attempt.fate.stopMs, leftMs), end)
  }

  /** It no longer counts: ends it at once. */
  abandon(key: AttemptKey): void {
    this.#end(key, stops.preempted, 'it no longer counts')
  }

  /** kill -9 of everything at once: nobody can tell how the attempt at hand ended. */
  lose(): void {
    const key = this.open
    if (key !== undefined) this.#end(key, { outcome: 'unknown', cause: null }, 'it was killed')
  }

  /** The store has it: removes every trace. */
  clean(key: AttemptKey): boolean {
    return this.#attempts.get(key)?.state === 'ended' && this.#attempts.delete(key)
  }

  /** Ends everything and forgets it, without a word. */
  clear(): void {
    for (const [key, attempt] of this.#attempts) {
      attempt.cancel()
      this.#gone(key)
    }
    this.#attempts.clear()
  }

  #begin(key: AttemptKey): void {
    const { clock, running, breach } = this.#programs
    const attempt = this.#attempts.get(key)!
    if (attempt.fate.outcome === 'not_started') return this.refuse(key)
    const { taskId } = parseAttemptKey(key)!
    const other = running.get(taskId)
    if (other !== undefined) breach(`${key} runs while ${other} runs`)
    running.set(taskId, key)
    attempt.state = 'running'
    attempt.startedAt = clock.now()
    const { outcome, cause } = attempt.fate
    const end = () => this.#end(key, { outcome, cause }, cause ?? outcome)
    attempt.cancel = clock.after(attempt.fate.runMs, end)
    this.events?.started(key, 1000 + Number(taskId.slice(1)))
  }

  #gone(key: AttemptKey): void {
    const { taskId } = parseAttemptKey(key)!
    if (this.#programs.running.get(taskId) === key) this.#programs.running.delete(taskId)
  }

  #end(key: AttemptKey, end: Pick<Verdict, 'outcome' | 'cause'>, reason: string): void {
    const attempt = this.#attempts.get(key)!
    if (attempt.state === 'ended') return
    const now = this.#programs.clock.now()
    const { startedAt, fate } = attempt
    const success = end.outcome === 'succeeded'
    attempt.cancel()
    this.#gone(key)
    attempt.state = 'ended'
    attempt.verdict = {
      ...end,
      ...{ key, reason, startedAt, endedAt: now },
      retryAt: end.outcome === 'failed' && fate.retryInMs !== null ? now + fate.retryInMs : null,
      result: {
        ...{ success, output: '', error: success ? null : reason, evidence: [], git: null },
        durationMs: startedAt === null ? 0 : now - startedAt,
        completedAt: now,
        usage: null,
      },
    }
    this.events?.ended(attempt.verdict)
  }
}

const neverRuns: Fate = {
  ...{ launchMs: 0, runMs: 0, stopMs: 0, outcome: 'not_started', cause: null },
  ...{ retryInMs: null, hostDiesInMs: null },
}
