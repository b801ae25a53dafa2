import t from 'tap'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import type { Random } from '../../src/supervisor/domain/time.ts'
import { between, pick, seeded } from '../simulation/seeded.ts'
import type { Program } from './home.ts'
import { programs } from './home.ts'
import { outside } from './namespace.ts'
import { Scene } from './scene.ts'

/** Turns of each program; SEED repeats a run, PROGRAMS chooses. */
const turns = Number(process.env['TURNS'] ?? 50)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const chosen = (process.env['PROGRAMS'] ?? programs.join(',')).split(',') as Program[]

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

for (const program of chosen)
  t.test(
    `${program}: ${turns} turns of every kind, seed ${seed}`,
    { skip: outside() },
    async (t) => {
      const scene = await new Scene(program).open()
      t.teardown(() => scene.close())
      const tally: Tally = { turns: 0, falseCompleted: [], falseFailed: [], lost: [], lateMs: [] }
      const random = seeded(seed)
      await Promise.all(
        ['ada', 'bob'].map(async (id) => {
          await scene.add(id)
          for (let i = 0; i < turns / 2; i++) await oneTurn(scene, id, i, random, tally)
        }),
      )
      const sorted = tally.lateMs.toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]
      t.comment(`last byte → recorded: n ${sorted.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
      t.same(tally.falseCompleted, [], 'none is called completed that was not')
      t.same(tally.falseFailed, [], 'none is called failed that was not')
      t.same(tally.lost, [], 'none is without an end')
      t.ok(tally.turns >= turns)
    },
  )

async function oneTurn(scene: Scene, agent: string, i: number, random: Random, tally: Tally) {
  const kind = pick(
    random,
    kinds.filter(({ not }) => !not?.includes(scene.program)),
  )
  const marker = `${agent}${i}`
  const prompt = `[[id: ${marker}]] ${kind.directives(random)}`
  const task = await scene.submit(prompt, {
    ...{ affinity: [agent], affinityMode: 'required', maxAttempts: 1, ...kind.input },
  })
  if (kind.cancelAfterMs !== undefined) {
    await scene.stub.until((one) => one.marker === marker && !one.side)
    setTimeout(() => void scene.client.call('tasks.cancel', { id: task.id }), kind.cancelAfterMs)
  }
  const ended = await scene.settled(task)
  tally.turns += 1
  const words = `${prompt} → ${ended.state} ${ended.outcome} ${ended.cause}: ${ended.reason}`
  const { truth } = kind
  if (ended.outcome === 'succeeded' && truth.outcome !== 'succeeded')
    tally.falseCompleted.push(words)
  else if (ended.outcome !== truth.outcome) tally.falseFailed.push(words)
  else if (truth.cause !== undefined && ended.cause !== truth.cause) tally.falseFailed.push(words)
  const completions = (await scene.events()).filter(
    ({ type, taskId }) => type === 'TaskCompleted' && taskId === task.id,
  )
  if (completions.length !== (truth.outcome === 'succeeded' ? 1 : 0)) tally.lost.push(words)
  const last = scene.stub.requests().findLast((one) => one.marker === marker && !one.side)
  if (truth.outcome === 'succeeded' && last?.lastByteAt && ended.endedAt)
    tally.lateMs.push(ended.endedAt - last.lastByteAt)
}
