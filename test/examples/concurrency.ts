// How much at the same time: node --conditions=squadd-source test/examples/concurrency.ts
import { AgentOrchestrator, SquadError } from 'squadd'
import { scratchRepository } from './scratch.ts'

const repo = scratchRepository()
// Three agents, but only two tasks at a time, and at most four may wait.
const orchestrator = new AgentOrchestrator({ maxConcurrentTasks: 2, taskQueueSize: 4 })
for (const id of ['ada', 'bob', 'cid']) await orchestrator.addAgent({ id, repo: repo.path })
const events = orchestrator.events()

const tasks = []
for (let i = 0; i < 6; i++)
  tasks.push(await orchestrator.distributeTask({ prompt: repo.waitAtGate }))
const { activeTasks, queuedTasks, idleAgents } = orchestrator.getMetrics()
console.log({ activeTasks, queuedTasks, idleAgents })

// A full queue is an answer, and says what to do.
try {
  await orchestrator.distributeTask({ prompt: 'true' })
} catch (error) {
  if (error instanceof SquadError) console.log(error.code, error.data.hint)
}

repo.openGate()
await Promise.all(tasks.map((task) => task.result))
let running = 0
let most = 0
for await (const { type } of events) {
  if (type === 'TaskStarted') running += 1
  if (type === 'TaskCompleted') running -= 1
  most = Math.max(most, running)
  if (type === 'TaskCompleted' && running === 0) break
}
console.log('most at the same time:', most)
console.log('completed:', orchestrator.getMetrics().totalTasksCompleted)
await orchestrator.shutdown()
repo.remove()

/* It prints:
{ activeTasks: 2, queuedTasks: 4, idleAgents: 1 }
SQUADD_QUEUE_FULL try again when some have started, or raise taskQueueSize
most at the same time: 2
completed: 6
*/
