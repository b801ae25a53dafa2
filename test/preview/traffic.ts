import { setTimeout as delay } from 'node:timers/promises'
import type { Priority } from '../../src/supervisor/domain/task.ts'
import { using } from '../prometheus/scene.ts'
import type { WatchedSquad } from '../support/watched-squad.ts'

const urgency: Priority[] = ['low', 'normal', 'normal', 'normal', 'high', 'high', 'critical']

/** The same every time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Work as it comes on a busy morning: in waves, most of it well, some of it not. */
export async function work({ client }: WatchedSquad, seconds: number): Promise<void> {
  const random = seeded(7)
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const scripts = () => {
    const tokens = Math.round(2000 + 9000 * random())
    const length = (0.3 + 3 * random() ** 2).toFixed(1)
    const burn = 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done'
    return one([
      `${using(tokens - (tokens % 10), tokens / 90_000)}; sleep ${length}`,
      `${burn}; sleep ${length}`,
      `sleep ${length}; date >>log.txt`,
      `sleep ${length}`,
      `${burn}; exit ${random() < 0.3 ? 1 : 0}`,
    ])
  }
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  const plan = [
    { at: 40, act: () => client.call('agents.resume', { id: 'pat' }) },
    { at: 75, act: () => client.call('agents.restart', { id: 'sam' }) },
    { at: 110, act: () => client.call('agents.reset', { id: 'eve' }) },
    { at: 150, act: () => client.call('agents.pause', { id: 'bob' }) },
    { at: 190, act: () => client.call('agents.resume', { id: 'bob' }) },
  ]
  for (let round = 0; passed() < seconds; round++) {
    while (plan[0] && passed() >= plan[0].at) await plan.shift()!.act()
    const wave = 1 + Math.sin(passed() / 14)
    for (let left = Math.round(wave * 2 * random()); left > 0; left--)
      await client.call('tasks.add', { prompt: scripts(), priority: one(urgency), timeoutMs: 2500 })
    if (round % 4 === 0)
      await client.call('tasks.add', {
        prompt: `write ${'more '.repeat(20 * random())}`,
        affinity: ['zoe'],
        affinityMode: 'required',
      })
    if (round % 30 === 15)
      await client.call('agents.answer', { id: 'ann', choice: 'yes' }).catch(() => {})
    if (round % 30 === 20)
      await client.call('tasks.add', {
        prompt: 'ask again',
        affinity: ['ann'],
        affinityMode: 'required',
      })
    if (round % 10 === 0) await client.call('agents.diff', { id: 'cid' })
    await client.call('status', {})
    await delay(700)
  }
}
