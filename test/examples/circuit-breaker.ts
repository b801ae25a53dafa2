// Failing agents get a rest: node --conditions=squadd-source test/examples/circuit-breaker.ts
import { AgentOrchestrator, CircuitBreaker } from 'squadd'
import { idleAgain, scratchRepository } from './scratch.ts'

// By itself, with a clock of our own (default: Date.now).
let now = 0
const breaker = new CircuitBreaker(
  { maxFailures: 3, resetTimeoutMs: 30_000, halfOpenTests: 2 },
  () => now,
)
for (let i = 0; i < 3; i++) breaker.recordFailure()
console.log('three failures:', breaker.state, breaker.canExecute())
now = 30_000
console.log(
  '30 s later:',
  breaker.state,
  [1, 2, 3].map(() => breaker.canExecute()),
)
breaker.recordSuccess()
breaker.recordSuccess()
console.log('two successes:', breaker.state)

// Every agent has one. This program always fails, and ada is asked first each time.
const repo = scratchRepository()
const orchestrator = new AgentOrchestrator({ breakerMaxFailures: 2, breakerResetMs: 60_000 })
await orchestrator.addAgent({ id: 'ada', repo: repo.path, program: 'command', argv: ['false'] })
await orchestrator.addAgent({ id: 'bob', repo: repo.path })
const events = orchestrator.events()
for (let i = 0; i < 3; i++) {
  const task = await orchestrator.distributeTask({ prompt: 'true', affinity: ['ada'] })
  await task.result
  console.log(task.task().agent, task.task().state)
  await idleAgain(events, task.task().agent)
}
const ada = orchestrator.getAgent('ada')
console.log('ada:', orchestrator.getAgentStats('ada').circuitState, ada.isHealthy(), ada.loadScore)
await orchestrator.shutdown()
repo.remove()

/* It prints:
three failures: open false
30 s later: half-open [ true, true, false ]
two successes: closed
ada failed
ada failed
bob completed
ada: open false 1
*/
