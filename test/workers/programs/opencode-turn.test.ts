import fc from 'fast-check'
import t from 'tap'
import { opencodeTurn } from '../../../src/workers/programs/opencode-turn.ts'
import type { Signal } from '../../../src/workers/programs/turn.ts'
import type { RecordedTurn } from './replay.ts'
import { endOf, judge, recordingsOf, signalsOf } from './replay.ts'

const recordings = recordingsOf('opencode-1.18.33')

/** How each turn of a scene ended. */
const expected: Record<string, string[]> = {
  answer: ['completed'],
  empty: ['failed agent_error', 'completed'],
  'escape-silent': ['interrupted', 'completed'],
  'escape-streaming': ['interrupted', 'completed'],
  'escape-tool': ['interrupted', 'completed'],
  hang: ['interrupted', 'completed'],
  kill: ['failed crashed', 'completed'],
  'max-tokens': ['failed agent_error', 'completed'],
  overflow: ['failed context_overflow', 'completed'],
  'permission-escape': ['interrupted', 'completed'],
  'permission-no': ['interrupted', 'completed'],
  'permission-yes': ['completed'],
  question: ['completed'],
  quoting: ['completed'],
  'rate-limit': ['failed rate_limit', 'completed'],
  refusal: ['failed refused', 'completed'],
  resume: ['completed', 'completed'],
  'status-400': ['failed agent_error', 'completed'],
  'status-401': ['failed auth', 'completed'],
  'status-429': ['failed rate_limit', 'completed'],
  'status-500-twice': ['completed', 'completed'],
  'status-529': ['failed overloaded', 'completed'],
  'stream-drop': ['failed overloaded', 'completed'],
  subagent: ['completed'],
  terminate: ['failed crashed'],
  'two-prompts': ['completed', 'completed'],
  write: ['completed'],
}

/** The recorder's plugin did not tell the texts; ours does. */
const signalsIn = (turn: RecordedTurn): Signal[] =>
  signalsOf(turn).map((signal) =>
    eventOf(signal) === 'message.updated' && !turn.prompt.includes('[[empty]]')
      ? ({ ...signal, data: { ...fieldsIn(signal), text: 'The answer.' } } as Signal)
      : signal,
  )

const turnsOf = (scene: string): RecordedTurn[] => recordings.get(scene)!.turns
const run = (turn: RecordedTurn, signals: readonly Signal[] = signalsIn(turn)) =>
  judge(opencodeTurn, turn.prompt, signals, turn).turn

/** What is typed while it works is no turn of ours: squadd never does. */
const scenes = [...recordings.keys()].filter((scene) => scene !== 'prompt-while-busy')

for (const scene of scenes)
  t.test(`opencode, ${scene}: each turn ends as it truly did`, async (t) => {
    const ends = turnsOf(scene).map((turn) => run(turn))
    t.same(ends.map(endOf), expected[scene], JSON.stringify(ends.map(({ end }) => end)))
  })

t.test('the usage and the cost of all messages of the turn, and the last text', async (t) => {
  const [turn] = turnsOf('permission-yes')
  const { end, usage } = run(turn!)
  t.equal(end?.text, 'The answer.')
  t.match(usage, { inputTokens: 2400, outputTokens: 68, costUsd: 0 })
})

t.test('the end of a subagent is none of the turn', async (t) => {
  const [turn] = turnsOf('write')
  const signals = signalsIn(turn!)
  const sessionID = run(turn!).conversation!
  const tools = signals.findIndex((signal) => eventOf(signal) === 'message.updated')
  const ofOther = (signal: Signal): Signal =>
    JSON.parse(JSON.stringify(signal).replaceAll(sessionID, 'ses_other')) as Signal
  const { at } = signals[tools]!
  const ends = signals.slice(tools + 1).map((signal) => ({ ...ofOther(signal), at: at + 1 }))
  const all = signals.toSpliced(tools + 1, 0, ...ends)
  const idle = signals.find((signal) => eventOf(signal) === 'session.idle')
  t.equal(judge(opencodeTurn, turn!.prompt, all, turn!).endedAt, idle?.at)
})

t.test('idle after its tools, without an answer: somebody broke it off', async (t) => {
  const [turn] = turnsOf('write')
  const signals = signalsIn(turn!)
  const tools = signals.findIndex((signal) => eventOf(signal) === 'message.updated')
  const idle = signals.find((signal) => eventOf(signal) === 'session.idle')!
  t.equal(endOf(run(turn!, [...signals.slice(0, tools + 1), idle])), 'interrupted')
})

t.test('a permission is a question until somebody answers', async (t) => {
  const [turn] = turnsOf('permission-yes')
  const signals = signalsIn(turn!)
  const { phases } = judge(opencodeTurn, turn!.prompt, signals, turn!)
  t.same(phases, ['typed', 'working', 'waiting', 'working', 'ended'])
  const asked = signals.findIndex((signal) => eventOf(signal) === 'permission.asked')
  t.match(run(turn!, signals.slice(0, asked + 1)), {
    question: { kind: 'permission', text: 'bash: touch yes.txt' },
  })
})

t.test('a model API that says to come back much later is not waited for', async (t) => {
  const [turn] = turnsOf('status-429')
  const begun = signalsIn(turn!).find((signal) => eventOf(signal) === 'chat.message')!
  const sessionID = run(turn!).conversation
  const next = begun.at + 3_600_000
  const status = { type: 'retry', attempt: 1, message: 'usage limit reached', next }
  const data = { properties: { sessionID, status } }
  const retry: Signal = { source: 'hook', event: 'session.status', data, at: begun.at + 10 }
  const { end } = run(turn!, [begun, retry])
  t.match(end, { kind: 'failed', cause: 'quota', retryAt: next, isRunning: true })
})

t.test('what an earlier turn still says ends nothing', async (t) => {
  const [first, second] = turnsOf('status-400')
  const signals = signalsIn(second!)
  const begun = signals.findIndex((signal) => eventOf(signal) === 'chat.message')
  const at = signals[begun]!.at + 1
  const stale = signalsIn(first!)
    .filter((signal) => /^(message\.updated|session\.idle)$/.test(eventOf(signal)))
    .map((signal) => ({ ...signal, at }))
  const end = run(second!, signals.toSpliced(begun + 1, 0, ...stale))
  t.equal(endOf(end), 'completed')
})

t.test('late or cut off, nothing but an answer at its end is a success', async () => {
  const unsuccessful = scenes.filter((scene) => !expected[scene]![0]!.startsWith('completed'))
  fc.assert(
    fc.property(
      fc.constantFrom(...unsuccessful),
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.nat(900)),
      fc.nat(80),
      (scene, kept, lateMs, length) => {
        const [turn] = turnsOf(scene)
        // One process writes them, one after the other: they are late together.
        let then = 0
        const signals = signalsIn(turn!)
          .filter((signal) => eventOf(signal) !== 'session.status' || kept.next().value)
          .map((signal) => {
            then = Math.max(then, signal.at + lateMs.next().value)
            return { ...signal, at: then }
          })
          .slice(0, length)
        return endOf(run(turn!, signals)) !== 'completed'
      },
    ),
  )
})

t.test('cut anywhere, a turn that succeeded is a success only once it is idle', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('answer', 'write', 'permission-yes', 'question', 'subagent'),
      fc.nat(80),
      (scene, length) => {
        const [turn] = turnsOf(scene)
        const signals = signalsIn(turn!)
        const last = signals.findLastIndex((signal) => eventOf(signal) === 'session.idle')
        return endOf(run(turn!, signals.slice(0, length))) !== 'completed' || length > last
      },
    ),
  )
})

function eventOf(signal: Signal): string {
  return signal.source === 'hook' ? signal.event : ''
}

function fieldsIn(signal: Signal) {
  return signal.source === 'hook' ? signal.data : {}
}
