import fc from 'fast-check'
import t from 'tap'
import type { OutputFacts } from '../../src/supervisor/policy/retention.ts'
import { outputsToRemove } from '../../src/supervisor/policy/retention.ts'

const none = { outputRetentionMs: 0, outputBudgetBytes: 0 }
const now = 1_000_000

t.test('the oldest go first, until the budget is kept', (t) => {
  const outputs = [3, 1, 2].map((n) => ({ key: `t${n}-1`, bytes: 100, writtenAt: n }))
  const gone = (limits: Partial<typeof none>, ended = () => true) =>
    outputsToRemove(outputs, { ...none, ...limits }, now, ended).map(({ key }) => key)
  t.same(gone({}), [], 'no limit')
  t.same(gone({ outputBudgetBytes: 300 }), [])
  t.same(gone({ outputBudgetBytes: 299 }), ['t1-1'])
  t.same(gone({ outputBudgetBytes: 1 }), ['t1-1', 't2-1', 't3-1'])
  t.same(gone({ outputRetentionMs: now - 3 }), ['t1-1', 't2-1'], 'older than that')
  t.end()
})

const output = fc.record({
  key: fc.string(),
  bytes: fc.nat(1000),
  writtenAt: fc.nat(now),
  hasEnded: fc.boolean(),
})

t.test('what has not ended stays, and no more goes than it takes', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(output, { selector: ({ key }) => key }),
      fc.nat(20_000),
      fc.nat(now),
      (outputs, outputBudgetBytes, outputRetentionMs) => {
        const of = new Map(outputs.map((one) => [one.key, one]))
        const limits = { outputBudgetBytes, outputRetentionMs }
        const gone = outputsToRemove(outputs, limits, now, (key) => of.get(key)!.hasEnded)
        const sum = (all: readonly OutputFacts[]) => all.reduce((n, { bytes }) => n + bytes, 0)
        const isOld = ({ writtenAt }: OutputFacts) =>
          outputRetentionMs > 0 && now - writtenAt > outputRetentionMs
        const left = outputs.filter((one) => gone.every(({ key }) => key !== one.key))
        t.ok(gone.every(({ key }) => of.get(key)!.hasEnded))
        t.notOk(left.some((one) => one.hasEnded && isOld(one)))
        if (outputBudgetBytes > 0 && sum(left) > outputBudgetBytes)
          t.notOk(left.some(({ hasEnded }) => hasEnded))
        const last = gone.filter((one) => !isOld(one)).at(-1)
        if (last) t.ok(sum(outputs) - sum(gone) + last.bytes > outputBudgetBytes)
      },
    ),
  )
  t.end()
})
