import type { Store } from '../domain/ports.ts'
import { failingAsync } from '../failpoint/failpoint.ts'
import type { FailpointName } from '../failpoint/points.ts'
import { addAgent, agents, removeAgent, updateAgent } from './agents.ts'
import { claim } from './claim.ts'
import { askStop, cancel, nextDueAt, promote, release, retry } from './control.ts'
import { enqueue } from './enqueue.ts'
import { append, counters, eventRange, eventsSince, oldestToKeep, trimBelow } from './events.ts'
import { forget } from './forget.ts'
import type { Listener, Work } from './group-commit.ts'
import { settleNotice, tellGivenUp } from './notice-end.ts'
import { dropNotice, lostNotices, takeNotices, waitingNotices } from './notices.ts'
import { ahead, note, notes, parents, readyByPriority, urgent } from './questions.ts'
import { record } from './record.ts'
import type { Op } from './statement.ts'
import { oldestReadyAt, task, taskCounts, tasks } from './task-row.ts'
import type { Settings, Transaction } from './transaction.ts'
import { beginAt } from './transaction.ts'

/** What runs the rules: one transaction a write, and reads that see what is committed. */
export type Engine = {
  write<T>(work: Work<T>): Promise<T>
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
  const write = <T>(name: FailpointName, now: number, op: (tx: Transaction) => Op<T>): Promise<T> =>
    failingAsync(name, () =>
      engine.write(function* (earlier) {
        const tx = beginAt(now, settings, earlier)
        return { value: yield* op(tx), left: tx }
      }),
    )
  return {
    instanceId,

    enqueue: (specs, now) => write('store.enqueue', now, (tx) => enqueue(tx, specs)),
    claim: (candidates, choose, limit, now) =>
      write('store.claim', now, (tx) => claim(tx, candidates, choose, limit)),
    record: (verdict, decide, now) =>
      write('store.record', now, (tx) => record(tx, verdict, decide)),
    async promote(now) {
      for (;;) {
        const next = engine.read(nextDueAt())
        if (next === null || next > now) return next
        await write('store.promote', now, (tx) => promote(tx, portion))
      }
    },
    cancel: (id, reason, now) => write('store.cancel', now, (tx) => cancel(tx, id, reason)),
    askStop: (id, fence, reason) =>
      write('store.ask_stop', timeless, () => askStop(id, fence, reason)),
    release: (id, now) => write('store.release', now, (tx) => release(tx, id)),
    retry: (id, now) => write('store.retry', now, (tx) => retry(tx, id)),
    async forget(endedBefore) {
      let gone = 0
      for (let n = 1; n > 0; gone += n)
        n = await write('store.forget', timeless, (tx) => forget(tx, endedBefore, portion / 5))
      return gone
    },

    task: (id) => engine.read(task(id)),
    tasks: (filter) => engine.read(tasks(filter)),
    taskCounts: () => engine.read(taskCounts()),
    oldestReadyAt: () => engine.read(oldestReadyAt()),
    readyByPriority: () => engine.read(readyByPriority()),
    urgent: () => engine.read(urgent()),
    ahead: (id) => engine.read(ahead(id)),
    parents: (id) => engine.read(parents(id)),

    note: (name, value, events, now) =>
      write('store.note', now, (tx) => note(tx, name, value, events)),
    notes: () => engine.read(notes()),

    addAgent: (spec, place, now) =>
      write('store.add_agent', now, (tx) => addAgent(tx, spec, place)),
    updateAgent: (id, patch, events, now) =>
      write('store.update_agent', now, (tx) => updateAgent(tx, id, patch, events)),
    removeAgent: (id, events, now) =>
      write('store.remove_agent', now, (tx) => removeAgent(tx, id, events)),
    agents: () => engine.read(agents()),

    append: (events, now) => write('store.append', now, (tx) => append(tx, events)),
    eventsSince: (seq, limit, types) => engine.read(eventsSince(seq, limit, types)),
    eventRange: () => engine.read(eventRange()),
    async trimEvents(keep, before = 0) {
      const first = engine.read(oldestToKeep(keep, before))
      while (await write('store.trim_events', timeless, () => trimBelow(first, portion)));
    },
    onCommitted: (listener) => engine.onCommitted(listener),

    takeNotices: (rule, limit, retryAt, now) =>
      write('store.take_notices', now, () => takeNotices(rule, limit, retryAt, now)),
    settleNotice: (notice, end, now) =>
      write('store.settle_notice', now, (tx) => settleNotice(tx, notice, end)),
    async giveUpNotices(rules, now) {
      if (engine.read(lostNotices(rules)).length === 0) return
      await write('store.give_up_notices', now, function* (tx) {
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
