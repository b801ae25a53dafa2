import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import type { WaitingPolicy } from '../../src/supervisor/domain/config.ts'
import { Crew } from './crew.ts'
import { outside } from './namespace.ts'
import { traits } from './traits.ts'

t.setTimeout(1_200_000)

const skip = outside()

/** A squad whose program asks, and nobody answers. */
async function unanswered(t: Test, waitingPolicy: WaitingPolicy) {
  const crew = await Crew.open(t, 'claude', ({ home }) => {
    const settings = { maxLoadPerCore: 0, waitingTimeoutMs: 1500, waitingPolicy }
    writeFileSync(join(home, 'config.json'), JSON.stringify(settings))
  })
  await crew.agent('ada')
  const { id } = await crew.add(`${traits.claude.asking('touch it.txt')} [[say: Went on.]]`)
  await crew.event(({ type, data }) => type === 'AgentWaiting' && data['policy'] === waitingPolicy)
  const wasMade = async () => existsSync(join(await crew.worktree('ada'), 'it.txt'))
  return { crew, id, wasMade }
}

t.test('a question that nobody answers in time is answered by the policy', { skip }, async (t) => {
  const allow = await unanswered(t, 'allow')
  t.match(await allow.crew.settled(allow.id), { state: 'completed', outcome: 'succeeded' })
  t.ok(await allow.wasMade())

  const deny = await unanswered(t, 'deny')
  t.match(await deny.crew.settled(deny.id), { state: 'held', outcome: 'unknown' })
  t.notOk(await deny.wasMade())

  const fail = await unanswered(t, 'fail')
  t.match(await fail.crew.settled(fail.id), { state: 'failed', outcome: 'failed' })
  t.notOk(await fail.wasMade())
  t.match(await fail.crew.do('[[say: Next.]]'), { state: 'completed', result: { output: 'Next.' } })
})

t.test('a question that is escalated is told again, and a person answers', { skip }, async (t) => {
  const { crew, id, wasMade } = await unanswered(t, 'escalate')
  await crew.event(({ type, data }) => type === 'AgentWaiting' && Number(data['waitedMs']) > 2500)
  t.equal((await crew.view('ada')).state, 'waiting')
  await crew.answer('ada', 'yes')
  t.match(await crew.settled(id), { state: 'completed', outcome: 'succeeded' })
  t.ok(await wasMade())
})
