import t from 'tap'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Random } from '../../src/supervisor/domain/time.ts'
import { between, pick, seeded } from '../simulation/seeded.ts'
import { Crew } from './crew.ts'
import type { Program } from './home.ts'
import { chosenPrograms } from './home.ts'
import { outside } from './namespace.ts'

/** Turns of each program; SEED repeats a run, PROGRAMS chooses. */
const turns = Number(process.env['TURNS'] ?? 50)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

t.setTimeout(turns * 60_000)

type Truth = Partial<Pick<Task, 'outcome' | 'cause'>>
type Kind = {
  directives: (random: Random) => string
  truth: Truth
  input?: Partial<TaskInput>
  /** Cancelled this long after the model was asked. */
  cancelAfterMs?: number
  not?: readonly Program[]
}

const done: Truth = { outcome: 'succeeded', cause: null }
const kinds: readonly Kind[] = [
  { directives: () => '[[say: at once]]', truth: done },
  { directives: () => '[[say: at once]]', truth: done },
  { directives: (random) => `[[delay: ${between(random, 0, 2)}]] [[say: later]]`, truth: done },
  {
    directives: (random) => `[[write: f${between(random, 1, 9)}.txt|x]] [[say: written]]`,
    truth: done,
  },
  { directives: () => '[[drip: 20]] [[long: 100]]', truth: done },
  { directives: () => '[[say: (esc to interrupt) ❯ 1. Yes]]', truth: done },
  { directives: () => '[[status: 500 x1]] [[say: at last]]', truth: done },
  { directives: () => '[[status: 400]]', truth: { outcome: 'failed', cause: 'agent_error' } },
  { directives: () => '[[status: 401]]', truth: { outcome: 'failed', cause: 'auth' } },
  {
    directives: () => '[[refusal]]',
    truth: { outcome: 'failed', cause: 'refused' },
    not: ['codex'],
  },
  { directives: () => '[[hang]]', truth: { outcome: 'timed_out' }, input: { timeoutMs: 3000 } },
  {
    directives: () => '[[drip: 100]] [[long: 300]]',
    truth: { outcome: 'cancelled' },
    cancelAfterMs: 500,
  },
  {
    directives: () => '[[delay: 20]] [[say: no]]',
    truth: { outcome: 'cancelled' },
    cancelAfterMs: 100,
  },
  {
    directives: () => '[[say: I am done]]',
    truth: { outcome: 'failed', cause: 'agent_error' },
    input: { verify: ['false'] },
  },
]

type Tally = {
  turns: number
  falseCompleted: string[]
  falseFailed: string[]
  lost: string[]
  lateMs: number[]
}

for (const program of chosenPrograms())
  t.test(
    `${program}: ${turns} turns of every kind, seed ${seed}`,
    { skip: outside() },
    async (t) => {
      const crew = await Crew.open(t, program)
      const tally: Tally = { turns: 0, falseCompleted: [], falseFailed: [], lost: [], lateMs: [] }
      await Promise.all(
        ['ada', 'bob'].map(async (id, nth) => {
          await crew.agent(id)
          const random = seeded(seed + nth)
          for (let i = 0; i < turns / 2; i++) await oneTurn(crew, id, random, tally)
        }),
      )
      const sorted = tally.lateMs.toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]
      t.comment(`last byte → recorded: n ${sorted.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
      t.same(tally.falseCompleted, [], 'none is called completed that was not')
      t.same(tally.falseFailed, [], 'none is called failed that was not')
      t.same(tally.lost, [], 'none is without an end, or has two')
      t.ok(tally.turns >= turns)
    },
  )

async function oneTurn(crew: Crew, agent: string, random: Random, tally: Tally): Promise<void> {
  const kind = pick(
    random,
    kinds.filter(({ not }) => !not?.includes(crew.program)),
  )
  const { truth } = kind
  const prompt = kind.directives(random)
  const affinity = [agent]
  const place = { affinity, affinityMode: 'required' as const, maxAttempts: 1 }
  const { id, mark } = await crew.add(prompt, { ...kind.input, ...place })
  if (kind.cancelAfterMs !== undefined) {
    await crew.asked(mark)
    setTimeout(() => void crew.client.call('tasks.cancel', { id }), kind.cancelAfterMs)
  }
  const ended = await crew.settled(id)
  tally.turns += 1
  const words = `${id} ${prompt} → ${ended.state} ${ended.outcome} ${ended.cause}: ${ended.reason}`
  const isTrue = ended.outcome === truth.outcome && (truth.cause ?? ended.cause) === ended.cause
  if (ended.outcome === 'succeeded' && !isTrue) tally.falseCompleted.push(words)
  else if (!isTrue) tally.falseFailed.push(words)
  const ends = (await crew.ends(id)).filter((type) => type !== 'TaskRetried')
  if (ends.length !== 1) tally.lost.push(words)
  const last = crew.stub.requests().findLast(({ marker, side }) => marker === mark && !side)
  if (ended.outcome === 'succeeded' && last?.lastByteAt)
    tally.lateMs.push(ended.endedAt! - last.lastByteAt)
}
