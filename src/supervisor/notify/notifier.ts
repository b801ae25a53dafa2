import { SquadError } from '../domain/error.ts'
import type { SquadEvent } from '../domain/event.ts'
import type { NotificationRule } from '../domain/notification.ts'
import { shownTarget } from '../domain/notification.ts'
import type { Courier, Notice, NoticeEnd, Store } from '../domain/ports.ts'
import type { NotificationReport, NotificationStatus } from '../domain/squad.ts'
import type { Clock, Random } from '../domain/time.ts'
import {
  mostTries,
  quietMinutes,
  retryDelayMs,
  storeRetryMs,
  tryTimeoutMs,
} from '../policy/notify.ts'

export type NotifierPorts = {
  store: Store
  clock: Clock
  random: Random
  courier: Courier
  rules: () => readonly NotificationRule[]
  retryMs: () => number
  onError: (error: unknown) => void
}

// A receiver that hangs holds up its own notices, and of them no more than this at a time.
const mostAtOnce = 4

/**
 * Tells people what they asked to be told. What is to be told lies in the store, written with the event
 * itself; here it is only carried out, beside everything else, and never waited for.
 */
export class Notifier {
  readonly #ports: NotifierPorts
  /** By rule: what is being carried, and whether more is being fetched. */
  readonly #lanes = new Map<string, { busy: number; isTaking: boolean }>()
  readonly #end = new AbortController()
  /** How often in a row the store has failed; then it is left alone for a while. */
  #failures = 0
  #isResting = false
  #cancel = () => {}

  constructor(ports: NotifierPorts) {
    this.#ports = ports
  }

  /** Goes on with what an earlier supervisor left; also after the rules have changed. */
  start(): void {
    const { store, clock, onError } = this.#ports
    const names = this.#ports.rules().map(({ name }) => name)
    void store
      .giveUpNotices(names, clock.now())
      .catch(onError)
      .then(() => this.#look())
  }

  /** A commit has recorded these: there may be something to tell. One look for all of them. */
  happened(events: readonly SquadEvent[]): void {
    const rules = this.#ports.rules()
    if (events.some(({ type }) => rules.some(({ on }) => on.has(type)))) this.#look()
  }

  /** What is carried out is broken off, to be tried again by the next supervisor. */
  stop(): void {
    this.#cancel()
    this.#end.abort()
  }

  list(): NotificationStatus[] {
    const waiting = this.#ports.store.waitingNotices()
    return this.#ports.rules().map((rule) => ({
      name: rule.name,
      on: [...rule.on],
      target: shownTarget(rule),
      waiting: waiting.find((one) => one.rule === rule.name)?.count ?? 0,
    }))
  }

  /** Tells something at once, without a second try. Throws SQUADD_NOT_FOUND. */
  async test(name?: string): Promise<NotificationReport[]> {
    const rules = this.#ports.rules().filter((rule) => name === undefined || rule.name === name)
    if (rules.length === 0)
      throw new SquadError(
        'SQUADD_NOT_FOUND',
        name === undefined ? 'no notification is configured' : `no notification "${name}"`,
        { hint: 'see notifications in squadd config show' },
      )
    return Promise.all(rules.map((rule) => this.#try(rule)))
  }

  async #try(rule: NotificationRule): Promise<NotificationReport> {
    const { courier, clock } = this.#ports
    const now = clock.now()
    const data = { text: 'this is a test of squadd notify' }
    const event: SquadEvent = { seq: 0, at: now, type: [...rule.on][0]!, data }
    const notice = { id: 0, rule: rule.name, tries: 1, problem: null, event }
    const delivery = await courier.deliver(rule, notice, { now, signal: this.#end.signal })
    return {
      name: rule.name,
      target: shownTarget(rule),
      ok: delivery.ok,
      problem: delivery.ok ? null : delivery.problem,
      durationMs: clock.now() - now,
    }
  }

  /** Carries what is due, and comes back when the next is. */
  #look(): void {
    if (this.#end.signal.aborted || this.#isResting) return
    this.#cancel()
    try {
      const nextMs = this.#carryDue()
      if (Number.isFinite(nextMs)) this.#lookIn(nextMs)
    } catch (error) {
      this.#rest(error)
    }
  }

  /** Carries what is due; the answer is how long until the next is. */
  #carryDue(): number {
    const { store, clock, rules } = this.#ports
    const now = clock.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const { rule: name, dueAt } of store.waitingNotices()) {
      const rule = rules().find((one) => one.name === name)
      if (!rule || dueAt === null) continue
      const waitMs = Math.max(dueAt - now, this.#quietMs(rule))
      if (waitMs > 0) nextMs = Math.min(nextMs, waitMs)
      else this.#carry(rule)
    }
    return nextMs
  }

  #lookIn(ms: number): void {
    this.#cancel = this.#ports.clock.after(ms, () => {
      this.#isResting = false
      this.#look()
    })
  }

  /** The store has failed: it is asked again after a while, a longer one after each further time. */
  #rest(error: unknown): void {
    if (this.#end.signal.aborted) return
    this.#ports.onError(error)
    this.#failures += 1
    this.#isResting = true
    this.#cancel()
    this.#lookIn(storeRetryMs(this.#failures))
  }

  #quietMs(rule: NotificationRule): number {
    const local = new Date(this.#ports.clock.now())
    return quietMinutes(rule, local.getHours() * 60 + local.getMinutes()) * 60_000
  }

  #carry(rule: NotificationRule): void {
    const { name } = rule
    const { store, clock, random, retryMs } = this.#ports
    const lane = this.#lanes.get(name) ?? { busy: 0, isTaking: false }
    this.#lanes.set(name, lane)
    const room = mostAtOnce - lane.busy
    // Whoever is being carried, or fetched, looks again at its end.
    if (lane.isTaking || room === 0) return
    lane.isTaking = true
    const now = clock.now()
    const retryAt = (tries: number) => now + tryTimeoutMs + retryDelayMs(tries, retryMs(), random)
    store
      .takeNotices(name, room, retryAt, now)
      .then((notices) => {
        lane.isTaking = false
        this.#failures = 0
        lane.busy += notices.length
        for (const notice of notices)
          void this.#bring(rule, notice).finally(() => {
            lane.busy -= 1
            this.#look()
          })
        this.#look()
      })
      .catch((error: unknown) => {
        lane.isTaking = false
        this.#rest(error)
      })
  }

  async #bring(rule: NotificationRule, notice: Notice): Promise<void> {
    const { courier, store, clock, onError } = this.#ports
    const { signal } = this.#end
    try {
      const delivery = await courier.deliver(rule, notice, { now: clock.now(), signal })
      if (signal.aborted && !delivery.ok) return
      const end: NoticeEnd = delivery.ok
        ? { kind: 'delivered' }
        : this.#failed(notice, delivery.problem)
      await store.settleNotice(notice, end, clock.now())
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
  }

  #failed({ tries }: Notice, problem: string): NoticeEnd {
    const { clock, random, retryMs } = this.#ports
    if (tries >= mostTries) return { kind: 'given up', problem }
    return {
      kind: 'failed',
      problem,
      retryAt: clock.now() + retryDelayMs(tries, retryMs(), random),
    }
  }
}
