import type { Store } from '../domain/ports.ts'
import { addAgent, agents, removeAgent, updateAgent } from './agents.ts'
import { claim } from './claim.ts'
import { askStop, cancel, nextDueAt, promote, release, retry } from './control.ts'
import { enqueue } from './enqueue.ts'
import { append, counters, eventRange, eventsSince, oldestToKeep, trimBelow } from './events.ts'
import type { Listener, Written } from './group-commit.ts'
import { settleNotice, tellGivenUp } from './notice-end.ts'
import { dropNotice, lostNotices, takeNotices, waitingNotices } from './notices.ts'
import { ahead, note, notes, parents, readyByPriority, urgent } from './questions.ts'
import { record } from './record.ts'
import type { Op } from './statement.ts'
import { oldestReadyAt, task, taskCounts, tasks } from './task-row.ts'
import type { Settings, Transaction } from './transaction.ts'
import { beginAt, flush } from './transaction.ts'

/** What runs the rules: one transaction a write, and reads that see what is committed. */
export type Engine = {
  write<T>(work: () => Op<Written<T>>): Promise<T>
  read<T>(op: Op<T>): T
  onCommitted(listener: Listener): void
  close(): Promise<void>
}

// What one write may delete or make ready, so that no commit is long.
const portion = 500

// For writes that record no time.
const timeless = 0

/** The store over an engine: each call is one op of this room. */
export function createStore(engine: Engine, instanceId: string, settings: Settings): Store {
  const write = <T>(now: number, op: (tx: Transaction) => Op<T>): Promise<T> =>
    engine.write(function* () {
      const tx = beginAt(now, settings)
      const value = yield* op(tx)
      yield* flush(tx)
      return { value, events: tx.events }
    })
  return {
    instanceId,

    enqueue: (specs, now) => write(now, (tx) => enqueue(tx, specs)),
    claim: (candidates, choose, limit, now) =>
      write(now, (tx) => claim(tx, candidates, choose, limit)),
    record: (verdict, decide, now) => write(now, (tx) => record(tx, verdict, decide)),
    async promote(now) {
      for (;;) {
        const next = engine.read(nextDueAt())
        if (next === null || next > now) return next
        await write(now, (tx) => promote(tx, portion))
      }
    },
    cancel: (id, reason, now) => write(now, (tx) => cancel(tx, id, reason)),
    askStop: (id, fence, reason) => write(timeless, () => askStop(id, fence, reason)),
    release: (id, now) => write(now, (tx) => release(tx, id)),
    retry: (id, now) => write(now, (tx) => retry(tx, id)),

    task: (id) => engine.read(task(id)),
    tasks: (filter) => engine.read(tasks(filter)),
    taskCounts: () => engine.read(taskCounts()),
    oldestReadyAt: () => engine.read(oldestReadyAt()),
    readyByPriority: () => engine.read(readyByPriority()),
    urgent: () => engine.read(urgent()),
    ahead: (id) => engine.read(ahead(id)),
    parents: (id) => engine.read(parents(id)),

    note: (name, value, events, now) => write(now, (tx) => note(tx, name, value, events)),
    notes: () => engine.read(notes()),

    addAgent: (spec, place, now) => write(now, (tx) => addAgent(tx, spec, place)),
    updateAgent: (id, patch, events, now) => write(now, (tx) => updateAgent(tx, id, patch, events)),
    removeAgent: (id, events, now) => write(now, (tx) => removeAgent(tx, id, events)),
    agents: () => engine.read(agents()),

    append: (events, now) => write(now, (tx) => append(tx, events)),
    eventsSince: (seq, limit, types) => engine.read(eventsSince(seq, limit, types)),
    eventRange: () => engine.read(eventRange()),
    async trimEvents(keep, before = 0) {
      const first = engine.read(oldestToKeep(keep, before))
      while (await write(timeless, () => trimBelow(first, portion)));
    },
    onCommitted: (listener) => engine.onCommitted(listener),

    takeNotices: (rule, limit, retryAt, now) =>
      write(now, () => takeNotices(rule, limit, retryAt, now)),
    settleNotice: (notice, end, now) => write(now, (tx) => settleNotice(tx, notice, end)),
    async giveUpNotices(rules, now) {
      if (engine.read(lostNotices(rules)).length === 0) return
      await write(now, function* (tx) {
        for (const notice of yield* lostNotices(rules)) {
          yield* dropNotice(notice.id)
          const isKnown = rules.includes(notice.rule)
          const gone = 'its notification is no longer in the configuration'
          yield* tellGivenUp(tx, notice, isKnown ? (notice.problem ?? 'no answer') : gone)
        }
      })
    },
    waitingNotices: () => engine.read(waitingNotices()),

    counters: () => engine.read(counters()),
    close: () => engine.close(),
  }
}
