import fc from 'fast-check'
import t from 'tap'
import { geminiTurn } from '../../../src/workers/programs/gemini-turn.ts'
import type { Moment } from './recording.ts'
import { endOf, recordedTurns, replay, scenesOf } from './recording.ts'

const program = 'gemini-0.61.0'

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

const turnsOf = (scene: string) => recordedTurns(program, scene)
/** What is typed while it works is no turn of ours: squadd never does. */
const scenes = scenesOf(program).filter((scene) => scene !== 'prompt-while-busy')

for (const scene of scenes)
  t.test(`gemini, ${scene}: each turn ends as it truly did`, async (t) => {
    const ends = turnsOf(scene).map((turn) => replay(geminiTurn, turn))
    t.same(ends.map(endOf), expected[scene])
  })

t.test(
  'a hook of the user sends the answer back: the last answer counts, at its end',
  async (t) => {
    const [turn] = turnsOf('blocking-hook')
    const { end, usage } = replay(geminiTurn, turn!)
    t.equal(end?.text, 'Second.')
    t.match(usage, { inputTokens: 2400, outputTokens: 68 })
  },
)

t.test('a permission is a question until somebody answers', async (t) => {
  const [recorded] = turnsOf('permission-yes')
  const until = recorded!.moments.findIndex(
    ({ signal }) => signal.source === 'hook' && signal.event === 'Notification',
  )
  let turn = geminiTurn.begin(recorded!.prompt, { pid: 1, env: {}, now: recorded!.at })
  for (const { signal } of recorded!.moments.slice(0, until + 1))
    turn = geminiTurn.next(turn, signal)
  t.match(turn, { phase: 'waiting', question: { kind: 'permission', text: /touch yes\.txt/ } })
})

t.test('the same request for the third time: it is broken off as overloaded', async (t) => {
  const [recorded] = turnsOf('status-429')
  const begin = recorded!.moments.find(({ signal }) => signal.source === 'hook')!
  const ask = (afterMs: number): Moment => {
    const at = begin.at + afterMs
    const data = { request: '123 45' }
    return { at, signal: { source: 'hook', event: 'BeforeModel', data, at } }
  }
  const after = (...times: number[]) =>
    replay(geminiTurn, { ...recorded!, moments: [begin, ...times.map(ask)] })
  t.match(after(100, 5100, 15_000).end, { cause: 'overloaded', isRunning: true })
  t.equal(after(100, 1100, 3100).end, null, 'an empty answer is asked for again sooner')
  t.equal(after(100, 5100).end, null)
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
        const moments = turn!.moments
          // The record and AfterAgent are what tells one end from another: they come, but late.
          .filter(({ signal }) => isVital(signal) || kept.next().value)
          .map((moment) => late(moment, lateMs.next().value))
          .toSorted((a, b) => a.at - b.at)
        return endOf(replay(geminiTurn, { ...turn!, moments })) !== 'completed'
      },
    ),
  )
})

const isVital = (signal: Moment['signal']): boolean =>
  signal.source !== 'hook' || signal.event === 'BeforeAgent'

/** The record is written before the hook that ends a turn: only hooks are late. */
function late(moment: Moment, ms: number): Moment {
  if (moment.signal.source !== 'hook' || moment.signal.event === 'BeforeAgent') return moment
  const at = moment.at + ms
  return { at, signal: { ...moment.signal, at } }
}

t.test('cut anywhere, a turn that succeeded is a success only after AfterAgent', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('answer', 'write', 'permission-yes', 'blocking-hook', 'subagent'),
      fc.nat(60),
      (scene, length) => {
        const [turn] = turnsOf(scene)
        const moments = turn!.moments.slice(0, length)
        const isOver = moments.length === turn!.moments.length
        const last = turn!.moments.findLastIndex(
          ({ signal }) => signal.source === 'hook' && signal.event === 'AfterAgent',
        )
        const end = endOf(replay(geminiTurn, { ...turn!, moments }))
        return end !== 'completed' || isOver || length > last || scene === 'blocking-hook'
      },
    ),
  )
})
