import fc from 'fast-check'
import t from 'tap'
import { geminiTurn } from '../../../src/workers/programs/gemini-turn.ts'
import type { Signal } from '../../../src/workers/programs/turn.ts'
import type { RecordedTurn } from './replay.ts'
import { endOf, judge, recordingsOf, signalsOf } from './replay.ts'

const recordings = recordingsOf('gemini-0.61.0')

/** How each turn of a scene ended. */
const expected: Record<string, string[]> = {
  answer: ['completed'],
  'blocking-hook': ['completed'],
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
  'rate-limit': ['interrupted', 'completed'],
  refusal: ['failed refused', 'completed'],
  resume: ['completed', 'completed'],
  'status-400': ['failed agent_error', 'completed'],
  'status-401': ['failed auth', 'completed'],
  'status-429': ['interrupted', 'completed'],
  'status-500-twice': ['completed', 'completed'],
  'status-529': ['interrupted', 'completed'],
  'stream-drop': ['failed overloaded', 'completed'],
  subagent: ['completed'],
  terminate: ['failed crashed'],
  'two-prompts': ['completed', 'completed'],
  write: ['completed'],
}

const turnsOf = (scene: string): RecordedTurn[] => recordings.get(scene)!.turns
const run = (turn: RecordedTurn, signals: readonly Signal[] = signalsOf(turn)) =>
  judge(geminiTurn, turn.prompt, signals, turn).turn

/** What is typed while it works is no turn of ours: squadd never does. */
const scenes = [...recordings.keys()].filter((scene) => scene !== 'prompt-while-busy')

for (const scene of scenes)
  t.test(`gemini, ${scene}: each turn ends as it truly did`, async (t) => {
    const ends = turnsOf(scene).map((turn) => run(turn))
    t.same(ends.map(endOf), expected[scene])
  })

t.test(
  'a hook of the user sends the answer back: the last answer counts, at its end',
  async (t) => {
    const [turn] = turnsOf('blocking-hook')
    const { end, usage } = run(turn!)
    t.equal(end?.text, 'Second.')
    t.match(usage, { inputTokens: 2400, outputTokens: 68 })
  },
)

t.test('a title from before the prompt, or for a moment between, ends nothing', async (t) => {
  const [turn] = turnsOf('blocking-hook')
  const signals = signalsOf(turn!)
  const [begun, again] = signals.filter((signal) => isHook(signal, 'BeforeAgent'))
  const [first, last] = signals.filter((signal) => isHook(signal, 'AfterAgent'))
  const title = (text: string, at: number): Signal => ({ source: 'title', text, at })
  const endedAt = (soon: number, titles: readonly Signal[]) => {
    const others = signals.filter((one) => one.source !== 'title' && one !== first)
    const all = [...others, { ...first!, at: begun!.at + soon }, ...titles]
    const ordered = all.toSorted((a, b) => a.at - b.at)
    return judge(geminiTurn, turn!.prompt, ordered, { ...turn!, title: '◇  Ready (tree)' }).endedAt
  }
  const end = title('◇  Ready (tree)', last!.at + 250)
  const late = [title('✦  Working… (tree)', begun!.at + 300), end]
  t.equal(endedAt(100, late), end.at, 'it said so late that it works')
  const moment = [
    title('✦  Working… (tree)', begun!.at + 100),
    title('◇  Ready (tree)', again!.at + 20),
    title('✦  Working… (tree)', again!.at + 300),
    end,
  ]
  t.equal(endedAt(again!.at - begun!.at - 20, moment), end.at, 'and then it went on')
})

t.test('a permission is a question until somebody answers', async (t) => {
  const [turn] = turnsOf('permission-yes')
  const signals = signalsOf(turn!)
  const asked = signals.findIndex((signal) => isHook(signal, 'Notification'))
  for (const length of [asked + 1, asked + 2])
    t.match(
      judge(geminiTurn, turn!.prompt, signals.slice(0, length), { ...turn!, lateMs: 20_000 }).turn,
      { phase: 'waiting', question: { kind: 'permission', text: /touch yes\.txt/ } },
      'until the title has told of it and of the end of it',
    )
  const { phases } = judge(geminiTurn, turn!.prompt, signals, turn!)
  t.same(phases, ['typed', 'working', 'waiting', 'working', 'ended'])
})

t.test('the same request for the third time: it is broken off as overloaded', async (t) => {
  const [turn] = turnsOf('status-429')
  const begin = signalsOf(turn!).find(({ source }) => source === 'hook')!
  const ask = (afterMs: number): Signal => {
    const data = { request: '123 45' }
    return { source: 'hook', event: 'BeforeModel', data, at: begin.at + afterMs }
  }
  const after = (...times: number[]) => run(turn!, [begin, ...times.map(ask)]).end
  t.match(after(100, 5100, 15_000), { cause: 'overloaded', isRunning: true })
  t.equal(after(100, 1100, 3100), null, 'an empty answer is asked for again sooner')
  t.equal(after(100, 5100), null)
})

t.test('whatever is missing or late, nothing but an answer at its end is a success', async () => {
  const unsuccessful = scenes.filter((scene) => !expected[scene]![0]!.startsWith('completed'))
  fc.assert(
    fc.property(
      fc.constantFrom(...unsuccessful),
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.nat(400)),
      (scene, kept, lateMs) => {
        const [turn] = turnsOf(scene)
        const signals = signalsOf(turn!)
          // The record is what tells one end from another: it comes, before the hook.
          .filter((signal) => !isOther(signal) || kept.next().value)
          .map((signal) =>
            isOther(signal) ? { ...signal, at: signal.at + lateMs.next().value } : signal,
          )
          .toSorted((a, b) => a.at - b.at)
        return endOf(run(turn!, signals)) !== 'completed'
      },
    ),
  )
})

const isHook = (signal: Signal, event: string): boolean =>
  signal.source === 'hook' && signal.event === event

/** A hook that comes after the prompt was taken. */
const isOther = (signal: Signal): boolean =>
  signal.source === 'hook' && !isHook(signal, 'BeforeAgent')

t.test('cut anywhere, a turn that succeeded is a success only after AfterAgent', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('answer', 'write', 'permission-yes', 'blocking-hook', 'subagent'),
      fc.nat(60),
      (scene, length) => {
        const [turn] = turnsOf(scene)
        const signals = signalsOf(turn!)
        const last = signals.findLastIndex((signal) => isHook(signal, 'AfterAgent'))
        const end = endOf(run(turn!, signals.slice(0, length)))
        return end !== 'completed' || length > last
      },
    ),
  )
})
