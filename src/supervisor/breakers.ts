import type { ProgramName } from './domain/agent.ts'
import type { NewEvent } from './domain/event.ts'
import type { Verdict } from './domain/message.ts'
import type { Store } from './domain/ports.ts'
import type { Clock } from './domain/time.ts'
import type { Breaker, BreakerConfig } from './policy/breaker.ts'
import {
  admit,
  afterFailure,
  afterNothing,
  afterSuccess,
  breakerAt,
  closedBreaker,
} from './policy/breaker.ts'
import { blame } from './policy/blame.ts'

type Scope = `agent:${string}` | `program:${string}`
type Worker = { id: string; program: ProgramName }

const notePrefix = 'breaker:'

/**
 * The breakers of all agents and of all programs; they survive a restart. A failure counts where
 * policy/blame.ts puts it: one broken login opens the breaker of the program, not agent by agent.
 */
export class Breakers {
  readonly #store: Store
  readonly #clock: Clock
  readonly #config: () => BreakerConfig
  readonly #onError: (error: unknown) => void
  /** Something may pass again: called when the time of an open breaker is over. */
  readonly #onReopened: () => void
  readonly #breakers = new Map<Scope, Breaker>()
  readonly #timers = new Map<Scope, () => void>()

  constructor(
    store: Store,
    clock: Clock,
    config: () => BreakerConfig,
    onReopened: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#config = config
    this.#onReopened = onReopened
    this.#onError = onError
    const running = attemptsOf(store)
    for (const [name, value] of store.notes()) {
      if (!name.startsWith(notePrefix)) continue
      const scope = name.slice(notePrefix.length) as Scope
      this.#put(scope, recalled(value as Breaker, running.get(scope) ?? []))
    }
  }

  ofAgent(id: string): Breaker {
    return this.#at(`agent:${id}`)
  }

  ofProgram(program: ProgramName): Breaker {
    return this.#at(`program:${program}`)
  }

  /** An attempt was given to this agent: in half-open it takes the place of a probe. */
  admitted({ id, program }: Worker): void {
    const now = this.#clock.now()
    for (const scope of scopesOf(id, program))
      this.#set(scope, admit(this.#at(scope), this.#config(), now).breaker)
  }

  /** An attempt that was given to this agent at `startedAt` ended. */
  ended(
    { id, program }: Worker,
    verdict: Pick<Verdict, 'outcome' | 'cause' | 'reason' | 'retryAt'>,
    startedAt: number,
  ): void {
    const now = this.#clock.now()
    const config = this.#config()
    const blamed = blame(verdict)
    for (const scope of scopesOf(id, program)) {
      const before = this.#at(scope)
      const isBlamed = blamed === (scope.startsWith('agent:') ? 'agent' : 'program')
      const until = verdict.retryAt ?? undefined
      const after =
        blamed === 'success'
          ? afterSuccess(before, config, now)
          : isBlamed
            ? afterFailure(before, config, now, until)
            : isProbe(before, startedAt)
              ? afterNothing(before, now)
              : before
      this.#set(scope, after, verdict.reason)
    }
  }

  /** A person has mended it: closes the breakers of an agent. */
  reset(id: string): void {
    this.#set(`agent:${id}`, closedBreaker)
  }

  /** The agent is gone. */
  forget(id: string): void {
    const scope: Scope = `agent:${id}`
    if (!this.#breakers.delete(scope)) return
    this.#timers.get(scope)?.()
    this.#store.note(notePrefix + scope, null, [], this.#clock.now()).catch(this.#onError)
  }

  /** Forgets all timers. */
  close(): void {
    for (const cancel of this.#timers.values()) cancel()
  }

  #at(scope: Scope): Breaker {
    const known = this.#breakers.get(scope)
    return known ? breakerAt(known, this.#clock.now()) : closedBreaker
  }

  #set(scope: Scope, next: Breaker, reason = ''): void {
    const before = this.#breakers.get(scope) ?? closedBreaker
    if (same(before, next)) return
    this.#put(scope, next)
    const event = eventOf(scope, before, next, reason)
    this.#store
      .note(notePrefix + scope, next, event ? [event] : [], this.#clock.now())
      .catch(this.#onError)
  }

  #put(scope: Scope, breaker: Breaker): void {
    this.#breakers.set(scope, breaker)
    this.#timers.get(scope)?.()
    this.#timers.delete(scope)
    if (breaker.kind === 'open') this.#watch(scope, breaker.until)
  }

  /** The wall clock decides, and a timer may fire before it says so. */
  #watch(scope: Scope, until: number): void {
    const left = until - this.#clock.now()
    const look = () => (this.#clock.now() < until ? this.#watch(scope, until) : this.#onReopened())
    this.#timers.set(scope, this.#clock.after(left, look))
  }
}

/** Only a probe has a place in a half-open breaker that it can give back. */
const isProbe = (breaker: Breaker, startedAt: number): boolean =>
  breaker.kind === 'half-open' && startedAt >= breaker.since

/** When the attempts under way began, by scope. */
function attemptsOf(store: Store): Map<Scope, number[]> {
  const programs = new Map(store.agents().map(({ spec }) => [spec.id, spec.program]))
  const began = new Map<Scope, number[]>()
  for (const { agent, startedAt } of store.tasks({ state: 'running', limit: 2 ** 31 })) {
    const program = programs.get(agent ?? '')
    if (program === undefined) continue
    for (const scope of scopesOf(agent!, program))
      began.set(scope, [...(began.get(scope) ?? []), startedAt ?? 0])
  }
  return began
}

/**
 * The attempts that run are the truth: a probe may have ended, and another begun, without a note of it
 * here any more, even the first of those that ended the time of an open breaker.
 */
function recalled(noted: Breaker, running: readonly number[]): Breaker {
  const breaker = breakerAt(noted, Math.max(0, ...running))
  if (breaker.kind !== 'half-open') return breaker
  const out = running.filter((startedAt) => isProbe(breaker, startedAt)).length
  return { ...breaker, admitted: breaker.succeeded + out }
}

const scopesOf = (id: string, program: ProgramName): Scope[] => [
  `agent:${id}`,
  `program:${program}`,
]

const same = (a: Breaker, b: Breaker): boolean => JSON.stringify(a) === JSON.stringify(b)

function eventOf(scope: Scope, before: Breaker, next: Breaker, reason: string): NewEvent | null {
  if (before.kind === next.kind) return null
  const agent = scope.startsWith('agent:') ? { agentId: scope.slice('agent:'.length) } : {}
  if (next.kind === 'open')
    return { type: 'BreakerOpened', ...agent, data: { scope, reason, until: next.until } }
  return next.kind === 'closed' ? { type: 'BreakerClosed', ...agent, data: { scope } } : null
}
