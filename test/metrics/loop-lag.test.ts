import t from 'tap'
import { createLoopLag } from '../../src/metrics/loop-lag.ts'

/** Blocks the event loop, then lets its timers go. */
async function block(ms: number): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 1))
}

t.test('a blocked event loop shows at the next question', async (t) => {
  const lag = createLoopLag()
  t.teardown(() => lag.close())
  t.same(lag.take(), { p50: 0, p99: 0, max: 0 }, 'nobody looked yet')
  // From its first look on it knows when it wanted to look again.
  for (let round = 0; round < 3; round++) await block(500)
  const { p50, p99, max } = lag.take()
  t.ok(max >= 0.3, `${max} s`)
  t.ok(p50 <= p99 && p99 <= max)
})
