import fc from 'fast-check'
import t from 'tap'
import { opencodeTurn } from '../../../src/workers/programs/opencode-turn.ts'
import type { Moment, RecordedTurn } from './recording.ts'
import { endOf, recordedTurns, replay, scenesOf } from './recording.ts'

const program = 'opencode-1.18.33'

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
const turnsOf = (scene: string): RecordedTurn[] =>
  recordedTurns(program, scene).map((turn, index) => ({
    ...turn,
    moments: turn.moments.map((moment) =>
      scene === 'empty' && index === 0 ? moment : withText(moment),
    ),
  }))

function withText({ at, signal }: Moment): Moment {
  if (signal.source !== 'hook' || signal.event !== 'message.updated') return { at, signal }
  return { at, signal: { ...signal, data: { ...signal.data, text: 'The answer.' } } }
}

/** What is typed while it works is no turn of ours: squadd never does. */
const scenes = scenesOf(program).filter((scene) => scene !== 'prompt-while-busy')

for (const scene of scenes)
  t.test(`opencode, ${scene}: each turn ends as it truly did`, async (t) => {
    const ends = turnsOf(scene).map((turn) => replay(opencodeTurn, turn))
    t.same(ends.map(endOf), expected[scene], JSON.stringify(ends.map(({ end }) => end)))
  })

t.test('the usage and the cost of all messages of the turn, and the last text', async (t) => {
  const [turn] = turnsOf('permission-yes')
  const { end, usage } = replay(opencodeTurn, turn!)
  t.equal(end?.text, 'The answer.')
  t.match(usage, { inputTokens: 2400, outputTokens: 68, costUsd: 0 })
})

t.test('a permission is a question until somebody answers', async (t) => {
  const [recorded] = turnsOf('permission-yes')
  const { moments, prompt, at } = recorded!
  let turn = opencodeTurn.begin(prompt, { pid: 1, env: {}, now: at })
  const phases = moments.map(({ signal }) => {
    turn = opencodeTurn.next(turn, signal)
    return `${signal.source === 'hook' ? signal.event : signal.source}: ${turn.phase}`
  })
  t.ok(phases.includes('permission.asked: waiting'))
  t.ok(phases.includes('permission.replied: working'))
})

t.test('a model API that says to come back much later is not waited for', async (t) => {
  const [recorded] = turnsOf('status-429')
  const begun = recorded!.moments.findIndex(({ signal }) => eventOf(signal) === 'chat.message')
  const from = recorded!.moments[begun]!
  const sessionID = replay(opencodeTurn, recorded!).conversation
  const next = from.at + 3_600_000
  const status = { type: 'retry', attempt: 1, message: 'usage limit reached', next }
  const retry = hookAt(from.at + 10, 'session.status', { properties: { sessionID, status } })
  const { end } = replay(opencodeTurn, { ...recorded!, moments: [from, retry] })
  t.match(end, { kind: 'failed', cause: 'quota', retryAt: next, isRunning: true })
})

t.test('what an earlier turn still says ends nothing', async (t) => {
  const [first, second] = turnsOf('status-400')
  const begun = second!.moments.findIndex(({ signal }) => eventOf(signal) === 'chat.message')
  const from = second!.moments[begun]!.at
  const stale = first!.moments
    .filter(({ signal }) => /message|idle/.test(eventOf(signal)))
    .filter(({ signal }) => eventOf(signal) !== 'chat.message')
    .map(({ signal }) => ({ at: from + 1, signal: { ...signal, at: from + 1 } }))
  const moments = [...second!.moments.slice(0, begun + 1), ...stale]
  const rest = second!.moments.slice(begun + 1)
  t.equal(endOf(replay(opencodeTurn, { ...second!, moments: [...moments, ...rest] })), 'completed')
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
        const moments = turn!.moments
          .filter(({ signal }) => eventOf(signal) !== 'session.status' || kept.next().value)
          .map(({ at, signal }) => {
            then = Math.max(then, at + lateMs.next().value)
            return { at: then, signal: { ...signal, at: then } }
          })
          .slice(0, length)
        return endOf(replay(opencodeTurn, { ...turn!, moments })) !== 'completed'
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
        const last = turn!.moments.findLastIndex(({ signal }) => eventOf(signal) === 'session.idle')
        const end = replay(opencodeTurn, { ...turn!, moments: turn!.moments.slice(0, length) })
        return endOf(end) !== 'completed' || length > last
      },
    ),
  )
})

const eventOf = (signal: Moment['signal']): string => (signal.source === 'hook' ? signal.event : '')

const hookAt = (at: number, event: string, data: Record<string, unknown>): Moment => ({
  at,
  signal: { source: 'hook', event, data, at },
})
