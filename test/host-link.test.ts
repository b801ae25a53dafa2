import t from 'tap'
import { HostLink } from '../src/supervisor/host-link.ts'
import type { FromHost, HostSetup } from '../src/supervisor/domain/message.ts'
import type { AgentHost, HostEnd, HostEvents } from '../src/supervisor/domain/ports.ts'
import { silentMeter } from './support/silent-meter.ts'

/** A host that only does what a test says, and a clock that only goes when a test says so. */
function link() {
  const lost: { kind: string; reason: string }[] = []
  const steps: string[] = []
  const timers: { ms: number; then: () => void }[] = []
  let events: HostEvents | undefined
  let now = 1000
  const host: AgentHost = { pid: 7, send() {}, detach() {}, kill: () => steps.push('killed') }
  const one = new HostLink(
    {
      hosts: { fork: (_, told) => ((events = told), host), clear: async () => {} },
      clock: {
        now: () => now,
        after: (ms, then) => {
          const timer = { ms, then }
          timers.push(timer)
          return () => timers.splice(timers.indexOf(timer), 1)
        },
      },
      random: () => 0.5,
      brake: () => ({ intensity: 10, periodMs: 1000 }),
      endLimitMs: () => 1000,
      meter: { ...silentMeter, dispatched: (step, ms) => steps.push(`${step} ${ms}`) },
    },
    () => ({}) as HostSetup,
    { message() {}, lost: (how) => lost.push(how), gaveUp() {} },
  )
  one.open()
  return {
    ...{ one, lost, steps },
    says: (message: FromHost) => events!.message(message),
    exits: (reason: string, kind: HostEnd) => events!.exit(reason, kind),
    passes: (ms: number) => {
      now += ms
      for (const timer of timers.filter((timer) => timer.ms <= ms)) timer.then()
    },
  }
}

const ready = { kind: 'ready', tmuxPid: 1, adopted: null, programPid: null } as const

for (const kind of ['exit', 'signal', 'fork'] as const)
  t.test(`a host that is gone by ${kind} is said to be`, async (t) => {
    const { exits, lost } = link()
    exits('it went', kind)
    t.match(lost, [{ kind, reason: 'it went' }])
  })

t.test('a host that gives no sign of life is killed, and called hanging', async (t) => {
  const { one, says, exits, lost, steps } = link()
  says(ready)
  one.kill()
  t.ok(steps.includes('killed'))
  exits('killed by SIGKILL', 'signal')
  t.match(lost, [{ kind: 'hang', reason: 'it gave no sign of life' }])
})

t.test('a host that does not come up hangs, too', async (t) => {
  const { exits, lost, passes } = link()
  passes(60_000)
  exits('killed by SIGKILL', 'signal')
  t.match(lost, [{ kind: 'hang', reason: /not ready after 60000 ms/ }])
})

t.test('a host that cannot work says why before it goes', async (t) => {
  const { says, exits, lost } = link()
  says({ kind: 'broken', message: 'no tmux', hint: 'install it' })
  exits('exit status 1', 'exit')
  t.match(lost, [{ kind: 'broken', reason: 'no tmux; install it' }])
})

t.test('the way from the fork of a host to its readiness is measured', async (t) => {
  const { says, steps, passes } = link()
  passes(250)
  says(ready)
  t.same(steps, ['host 250'])
})
