import t from 'tap'
import { createClockWatch } from '../../src/metrics/clock-watch.ts'

function watch() {
  const time = { wall: 1_700_000_000_000, passed: 5000 }
  const clock = createClockWatch({ wall: () => time.wall, passed: () => time.passed })
  const pass = (ms: number, besideMs = 0) => {
    time.passed += ms
    time.wall += ms + besideMs
    clock.look()
  }
  return { jumps: clock.jumps, pass }
}

t.test('a clock that is set is counted once, by its direction', async (t) => {
  const { jumps, pass } = watch()
  pass(10_000)
  t.same(jumps, { forward: 0, backward: 0 })
  pass(100, 3_600_000)
  pass(100)
  t.same(jumps, { forward: 1, backward: 0 })
  pass(100, -86_400_000)
  pass(100)
  t.same(jumps, { forward: 1, backward: 1 })
})

t.test('a clock that is set right little by little has not jumped', async (t) => {
  const { jumps, pass } = watch()
  for (let i = 0; i < 100; i++) pass(60_000, 30)
  pass(86_400_000, 43_200)
  pass(86_400_000, -43_200)
  pass(0, 1000)
  t.same(jumps, { forward: 0, backward: 0 })
})
