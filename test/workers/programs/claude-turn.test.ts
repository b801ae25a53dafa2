import fc from 'fast-check'
import t from 'tap'
import { claudeTurn } from '../../../src/workers/programs/claude-turn.ts'
import type { Signal, TurnEnd } from '../../../src/workers/programs/turn.ts'
import { holds } from '../../support/property.ts'
import { judge, recordingsOf, signalsOf } from './replay.ts'

const recordings = recordingsOf('claude-2.1.330')
type Truth = Partial<TurnEnd> & Pick<TurnEnd, 'kind'>

/** How the first turn of each scene truly ended; a second one, where there is one, always well. */
const truths: Record<string, Truth> = {
  answer: { kind: 'completed', text: 'The answer is 42.' },
  'background-shell': { kind: 'completed' },
  'blocking-hook': { kind: 'completed' },
  empty: { kind: 'failed', cause: 'agent_error' },
  'escape-silent': { kind: 'interrupted' },
  'escape-streaming': { kind: 'interrupted' },
  'escape-tool': { kind: 'interrupted' },
  hang: { kind: 'interrupted' },
  kill: { kind: 'failed', cause: 'crashed' },
  'max-tokens': { kind: 'completed' },
  overflow: { kind: 'failed', cause: 'context_overflow' },
  'permission-escape': { kind: 'interrupted' },
  'permission-no': { kind: 'interrupted' },
  'permission-yes': { kind: 'completed', text: 'Touched.' },
  question: { kind: 'completed' },
  quoting: { kind: 'completed' },
  'rate-limit': { kind: 'failed', cause: 'rate_limit' },
  refusal: { kind: 'failed', cause: 'refused' },
  resume: { kind: 'completed' },
  'status-400': { kind: 'failed', cause: 'agent_error' },
  'status-401': { kind: 'failed', cause: 'auth' },
  'status-429': { kind: 'failed', cause: 'rate_limit' },
  'status-500-twice': { kind: 'completed', text: 'At last.' },
  'status-529': { kind: 'failed', cause: 'overloaded' },
  'stream-drop': { kind: 'completed' },
  subagent: { kind: 'completed' },
  terminate: { kind: 'failed', cause: 'crashed' },
  'two-prompts': { kind: 'completed', text: 'One.' },
  write: { kind: 'completed', text: 'Written.' },
}

t.test('each recorded turn ends as it truly did', (t) => {
  for (const [scene, truth] of Object.entries(truths)) {
    const { pid, turns } = recordings.get(scene)!
    for (const [i, turn] of turns.entries()) {
      const found = judge(claudeTurn, turn.prompt, signalsOf(turn), { pid, from: turn.from })
      t.match(found.turn.end, i === 0 ? truth : { kind: 'completed' }, `${scene} ${i + 1}`)
      t.equal(found.turn.status, `/home/user/.claude/sessions/${pid}.json`)
    }
  }
  t.end()
})

t.test('what it asks is told, and that it was answered', (t) => {
  for (const [scene, kind] of [
    ['permission-yes', 'permission'],
    ['question', 'question'],
  ] as const) {
    const { pid, turns } = recordings.get(scene)!
    const [turn] = turns
    const signals = signalsOf(turn!)
    const { phases } = judge(claudeTurn, turn!.prompt, signals, { pid })
    t.same(phases, ['typed', 'working', 'waiting', 'working', 'ended'], scene)
    const at = signals.findIndex(
      (one) => one.source === 'hook' && one.event === 'PermissionRequest',
    )
    const asking = judge(claudeTurn, turn!.prompt, signals.slice(0, at + 1), { pid, lateMs: 0 })
    t.equal(asking.turn.question?.kind, kind)
    t.match(asking.turn.question?.text, kind === 'question' ? 'Which colour?' : 'touch yes.txt')
  }
  t.end()
})

t.test('a status that lags behind the hook is no answer', (t) => {
  const { pid, turns } = recordings.get('permission-yes')!
  const [turn] = turns
  const signals = signalsOf(turn!)
  const at = signals.findIndex((one) => one.source === 'hook' && one.event === 'PermissionRequest')
  const busy = signals.find((one) => one.source === 'status' && one.data['status'] === 'busy')!
  const late = [...signals.slice(0, at + 1), { ...busy, at: signals[at]!.at + 1 }]
  const found = judge(claudeTurn, turn!.prompt, late, { pid, lateMs: 0 })
  t.equal(found.turn.phase, 'waiting')
  t.end()
})

t.test('a Stop hook alone is no end', (t) => {
  const { pid, turns } = recordings.get('blocking-hook')!
  const [turn] = turns
  const signals = signalsOf(turn!)
  const stops = signals.flatMap((one, i) =>
    one.source === 'hook' && one.event === 'Stop' ? [i] : [],
  )
  t.equal(stops.length, 2, 'the hook of the user has blocked the first')
  const until = signals.slice(0, stops[1])
  t.equal(
    judge(claudeTurn, turn!.prompt, until, { pid }).turn.end,
    null,
    'it goes on after the first',
  )
  const withoutStatus = signals.filter(({ source }) => source !== 'status' && source !== 'record')
  const { turn: unproved } = judge(claudeTurn, turn!.prompt, withoutStatus, { pid })
  t.match(unproved.end, { kind: 'unproved' }, 'nothing confirms it: nobody guesses')
  t.end()
})

t.test('an empty answer is none, though the Stop hook brings the one before', (t) => {
  const { pid, turns } = recordings.get('empty')!
  const [turn] = turns
  const signals = signalsOf(turn!).map((signal) =>
    signal.source === 'hook' && signal.event === 'Stop'
      ? { ...signal, data: { ...signal.data, last_assistant_message: 'Of the turn before.' } }
      : signal,
  )
  t.match(judge(claudeTurn, turn!.prompt, signals, { pid }).turn.end, {
    kind: 'failed',
    cause: 'agent_error',
    text: '',
  })
  const unread = signals.filter(({ source }) => source !== 'record')
  t.match(judge(claudeTurn, turn!.prompt, unread, { pid }).turn.end, { kind: 'unproved' })
  t.end()
})

t.test('without a status file the record confirms the end', (t) => {
  const { pid, turns } = recordings.get('answer')!
  const [turn] = turns
  const signals = signalsOf(turn!).filter(({ source }) => source !== 'status')
  t.match(judge(claudeTurn, turn!.prompt, signals, { pid }).turn.end, { kind: 'completed' })
  t.end()
})

t.test('prompts of others are not ours', (t) => {
  const { pid, turns } = recordings.get('answer')!
  const signals = signalsOf(turns[0]!)
  const { turn } = judge(claudeTurn, 'something else', signals, { pid })
  t.match(turn, { phase: 'typed', end: null })
  t.end()
})

t.test('whatever comes late, no turn is called completed that was not', (t) => {
  const scenes = Object.keys(truths)
  const late = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 200, maxLength: 200 })
  holds(
    t,
    fc.property(fc.constantFrom(...scenes), late, fc.boolean(), (scene, delays, hasStatus) => {
      const { pid, turns } = recordings.get(scene)!
      const [turn] = turns
      // Hooks are read before the clock is; what is watched may be seen later, in its own order.
      const seenAt = new Map<string, number>()
      const order = signalsOf(turn!).map((signal, i) => {
        const lateMs = signal.source === 'hook' ? 0 : delays[i % delays.length]!
        const at = Math.max(signal.at + lateMs, seenAt.get(signal.source) ?? -Infinity)
        seenAt.set(signal.source, at)
        return { signal, at }
      })
      const signals = order
        .filter(({ signal }) => hasStatus || signal.source !== 'status')
        .sort((a, b) => a.at - b.at)
        .map(({ signal, at }): Signal => ({ ...signal, at }))
      const { end } = judge(claudeTurn, turn!.prompt, signals, { pid, from: turn!.from }).turn
      const truth = truths[scene]!.kind
      if (end?.kind === 'completed') return truth === 'completed'
      return !hasStatus || end?.kind === truth
    }),
    1000,
  )
  t.end()
})
